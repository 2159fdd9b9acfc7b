import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/formats/api-error.ts';
import type { GenerateContentResponse, Part } from '../../../server/gemini/types.ts';
import { hasOpenAiSchemas, schemaProblems } from '../../support/openai-schema.ts';
import { answerTo, type Event, events, parseEvents, parts, usage, whole } from './fixtures.ts';

const settings = {
  instructions: 'I',
  max_output_tokens: 64,
  metadata: { a: 'b' },
  prompt_cache_key: 'k',
  reasoning: { effort: 'low', summary: 'auto' },
  include: ['reasoning.encrypted_content'],
  store: false,
  text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' } }, verbosity: 'low' },
  tool_choice: 'auto',
  top_logprobs: 1,
  truncation: 'auto',
  user: 'u',
  tools: [
    { type: 'function', name: 'weather' },
    { type: 'custom', name: 'patch' },
    { type: 'namespace', name: 'mcp__fs', description: 'Files', tools: [{ type: 'function', name: 'read' }] },
    { type: 'web_search' },
  ],
};
const groundingMetadata = { groundingChunks: [{ web: { uri: 'https://a.example' } }] };
const token = { token: 'a', logProbability: -0.5 };
const logprobsResult = { chosenCandidates: [token], topCandidates: [{ candidates: [token] }] };
const call = (name: string, args: Record<string, unknown> = {}): Part => ({ functionCall: { name, args } });

/** Every kind of answer. */
const answers: Record<string, GenerateContentResponse> = {
  text: parts([{ text: 'Hello', thoughtSignature: 'T' }], 'STOP'),
  'thoughts, text and calls': parts(
    [
      { text: 'Hmm', thought: true },
      { text: 'a' },
      { ...call('weather', { city: 'Rome' }), thoughtSignature: 'S' },
      call('patch', { input: '***' }),
      call('mcp__fs__read'),
    ],
    'STOP',
  ),
  'a text with sources and log probabilities': {
    candidates: [{ ...parts([{ text: 'Hello' }], 'STOP').candidates?.[0], groundingMetadata, logprobsResult }],
  },
  'a picture': parts([{ inlineData: { mimeType: 'image/png', data: 'AAA' } }], 'STOP'),
  'a text that was cut': parts([{ text: 'Hel' }], 'MAX_TOKENS'),
  'a blocked prompt': { promptFeedback: { blockReason: 'SAFETY' } },
  'a blocked answer': { candidates: [{ finishReason: 'SAFETY' }] },
  nothing: {},
};

const problemsOf = (list: Event[]) =>
  list.flatMap((event, index) =>
    schemaProblems(schemaOf(event), { ...event, sequence_number: index }).map((problem) => `${event.type}: ${problem}`),
  );

describe.skipIf(!hasOpenAiSchemas)("OpenAI's schemas accept", () => {
  test.each(Object.keys(answers))('%s, sent whole', (name) => {
    for (const body of [{}, settings])
      expect(schemaProblems('Response', whole(body, answers[name] as GenerateContentResponse))).toEqual([]);
  });

  test.each(Object.keys(answers))('%s, streamed', (name) => {
    for (const body of [{}, settings])
      expect(problemsOf(events(body, [answers[name] as GenerateContentResponse]))).toEqual([]);
  });

  test('a failure in a stream', () => {
    const answer = answerTo({ ...settings, stream: true });
    const text = answer.chunk(parts([{ text: 'Hel' }])) + answer.error(new ApiError(502, 'upstream_error', 'm'), usage);
    expect(problemsOf(parseEvents(text))).toEqual([]);
  });
});

/** Each event against its own schema: the union of all would accept an event that is wrong in its own way. */
function schemaOf({ type }: Event): string {
  const names: Record<string, string> = {
    'response.output_text.delta': 'ResponseTextDeltaEvent',
    'response.output_text.done': 'ResponseTextDoneEvent',
    'response.image_generation_call.in_progress': 'ResponseImageGenCallInProgressEvent',
    'response.image_generation_call.completed': 'ResponseImageGenCallCompletedEvent',
  };
  const words = String(type).split(/[._]/);
  return names[type] ?? `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Event`;
}
