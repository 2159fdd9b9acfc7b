import type { GenerateContentResponse } from '../../server/gemini/types.ts';

/** What the bench sends and answers, the same bytes in every run. Sizes as seen in everyday use: 1.9 kB asked, 1.2 kB answered. */
export const benchModel = 'gemini-2.5-flash';
export const eventsPerStream = 200;

const words =
  'the quick gateway forwards every request to a model and streams tokens back while “quotes”, newlines\n and code `x = y + 1;` stay intact'.split(
    ' ',
  );
const promptTokens = 412;

/** The caller's request, as JSON text. */
export function chatRequest(isStreaming: boolean): string {
  const random = createRandom(7);
  return JSON.stringify({
    model: benchModel,
    messages: [
      { role: 'system', content: prose(420, random) },
      { role: 'user', content: prose(500, random) },
      { role: 'assistant', content: prose(380, random) },
      { role: 'user', content: [{ type: 'text', text: prose(300, random) }] },
    ],
    temperature: 0.7,
    top_p: 0.95,
    max_tokens: 1024,
    stop: ['###'],
    user: 'u-1029',
    ...(isStreaming && { stream: true, stream_options: { include_usage: true } }),
  });
}

/** Gemini's answer to an unstreamed call. */
export function wholeResponse(): GenerateContentResponse {
  return responseOf(prose(560, createRandom(11)), 131, 'STOP');
}

/** Gemini's answer to a streamed call: about 100 characters and 400 bytes in each of the 200 events. */
export function streamedResponses(): GenerateContentResponse[] {
  const random = createRandom(13);
  return Array.from({ length: eventsPerStream }, (_, index) => {
    const isLast = index === eventsPerStream - 1;
    return responseOf(prose(isLast ? 60 : 100, random), 20 + index * 22, isLast ? 'STOP' : null);
  });
}

function responseOf(text: string, tokens: number, finishReason: string | null): GenerateContentResponse {
  const modality = (tokenCount: number) => [{ modality: 'TEXT', tokenCount }];
  return {
    candidates: [
      { content: { parts: [{ text }], role: 'model' }, ...(finishReason !== null && { finishReason }), index: 0 },
    ],
    usageMetadata: {
      promptTokenCount: promptTokens,
      candidatesTokenCount: tokens,
      totalTokenCount: promptTokens + tokens,
      promptTokensDetails: modality(promptTokens),
    },
    modelVersion: benchModel,
    responseId: 'mB0jZ8fSD6iP1PIPr5-VmQs',
  };
}

function prose(length: number, random: () => number): string {
  let text = '';
  while (text.length < length) text += `${words[Math.floor(random() * words.length)]} `;
  return text.slice(0, length);
}

/** Numbers from 0 to 1 that are the same in every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7f_ff_ff_ff;
    return state / 0x7f_ff_ff_ff;
  };
}
