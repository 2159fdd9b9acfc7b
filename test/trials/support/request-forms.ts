/** What is to become of a request upstream. The prompt says it, so that the simulated Gemini knows. */
export type Course =
  | 'plain'
  /** Its frames come with pauses. */
  | 'paced'
  /** After some frames nothing more comes. */
  | 'endless'
  /** Its last frames come when the trial lets them. */
  | 'gated'
  | 'large'
  | 'limited once'
  | 'overloaded once'
  | 'reset once'
  | 'refused'
  | 'broken off';

/** A way in which clients ask. */
export interface RequestForm {
  name: string;
  path: string;
  isStreaming: boolean;
  /** Upstream calls that it needs. */
  callCount: number;
  /** The header that brings the client's secret. */
  secretHeader: 'authorization' | 'x-api-key' | 'x-goog-api-key';
  body(prompt: string): object;
  /** What a whole streamed answer ends with. */
  lastWords?: RegExp;
}

const model = 'gemini-3.8-flash';
const messages = (prompt: string) => [{ role: 'user', content: prompt }];
const parameters = { type: 'object', properties: { place: { type: 'string' } } };
const tools = [{ type: 'function', function: { name: 'look_up', description: 'Looks up a place.', parameters } }];
const streamed = { stream: true, stream_options: { include_usage: true } };
const chat = {
  path: '/v1/chat/completions',
  isStreaming: false,
  callCount: 1,
  secretHeader: 'authorization',
} as const;
const done = /data: \[DONE\]\n\n$/;

/** A whole answer in words. */
export const plainForm: RequestForm = {
  ...chat,
  name: 'chat',
  body: (prompt) => ({ model, messages: messages(prompt) }),
};

/** Whole answers and streams, with tools and without, in every format that clients speak. */
export const requestForms: readonly RequestForm[] = [
  plainForm,
  {
    ...chat,
    name: 'streamed chat',
    isStreaming: true,
    lastWords: done,
    body: (prompt) => ({ model, messages: messages(prompt), ...streamed }),
  },
  { ...chat, name: 'chat with tools', body: (prompt) => ({ model, messages: messages(prompt), tools }) },
  {
    ...chat,
    name: 'streamed chat with tools',
    isStreaming: true,
    lastWords: done,
    body: (prompt) => ({ model, messages: messages(prompt), tools, ...streamed }),
  },
  {
    ...chat,
    name: 'two completions',
    path: '/v1/completions',
    callCount: 2,
    body: (prompt) => ({ model, prompt: [prompt, `${prompt} again`] }),
  },
  {
    ...chat,
    name: 'streamed response',
    path: '/v1/responses',
    isStreaming: true,
    lastWords: /event: response\.(completed|incomplete)\n.*\n\n$/,
    body: (prompt) => ({ model, input: prompt, stream: true }),
  },
  {
    ...chat,
    name: 'embedding',
    path: '/v1/embeddings',
    body: (prompt) => ({ model: 'gemini-embedding-2', input: prompt }),
  },
  {
    ...chat,
    name: 'message',
    path: '/v1/messages',
    secretHeader: 'x-api-key',
    body: (prompt) => ({ model, max_tokens: 1000, messages: messages(prompt) }),
  },
  {
    ...chat,
    name: 'streamed message',
    path: '/v1/messages',
    secretHeader: 'x-api-key',
    isStreaming: true,
    lastWords: /event: message_stop\n.*\n\n$/,
    body: (prompt) => ({ model, max_tokens: 1000, messages: messages(prompt), stream: true }),
  },
  {
    ...chat,
    name: 'native call',
    path: `/v1beta/models/${model}:generateContent`,
    secretHeader: 'x-goog-api-key',
    body: (prompt) => ({ contents: [{ role: 'user', parts: [{ text: prompt }] }] }),
  },
  {
    ...chat,
    name: 'streamed native call',
    path: `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    secretHeader: 'x-goog-api-key',
    isStreaming: true,
    lastWords: /"finishReason".*\s+$/,
    body: (prompt) => ({ contents: [{ role: 'user', parts: [{ text: prompt }] }] }),
  },
];

/** The forms that stream. */
export const streamForms = requestForms.filter(({ isStreaming }) => isStreaming);

const written = /(m_\d+) \[([a-z ]+)\]/;

/** The prompt of a request. @param marker Its name in this trial, `m_` and digits. */
export function toPrompt(marker: string, course: Course): string {
  return `${marker} [${course}]`;
}

/** Reads a prompt, or whatever holds one. */
export function readPrompt(text: string): { marker: string; course: Course } | null {
  const [, marker, course] = written.exec(text) ?? [];
  return marker === undefined ? null : { marker, course: course as Course };
}
