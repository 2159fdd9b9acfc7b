import type { AnswerHead, StoredResponse, TranslationContext } from '../../../server/formats/format.ts';
import { openaiResponses } from '../../../server/formats/openai-responses/openai-responses.ts';
import type { GenerateContentRequest, GenerateContentResponse, Part } from '../../../server/gemini/types.ts';
import { translationContext, upstreamBody } from '../../support/translation.ts';

export const model = 'gemini-3.8-flash';

interface Known {
  /** Remembered signatures by key, all made by `model`. */
  signatures?: Record<string, string>;
  responses?: StoredResponse[];
}

function contextOf({ signatures = {}, responses = [] }: Known = {}): TranslationContext {
  const remembered = Object.entries(signatures).map(([key, signature]) => [key, { signature, model }]);
  return translationContext(Object.fromEntries(remembered), {
    responses: {
      get: (id) => responses.find(({ body }) => body.id === id),
      item: (id) => responses.flatMap(({ body }) => body.output).find((item) => item.id === id),
    },
    randomId: numbered(),
  });
}

/** Ids that count from 1. */
function numbered(): (length: number) => string {
  let count = 0;
  return () => String(++count);
}

/** Translates a request; its model and an input are given unless it has its own. */
export function translate(body: Record<string, unknown>, known?: Known) {
  return openaiResponses.toGemini({ model, input: 'Hello?', ...body }, contextOf(known));
}

/** What Gemini is asked. */
export function upstream(body: Record<string, unknown>, known?: Known): GenerateContentRequest {
  return upstreamBody(translate(body, known));
}

const head: AnswerHead = { created: 1_700_000_000, now: () => 1_700_000_009, randomId: numbered() };

export function answerTo(body: Record<string, unknown>, known?: Known) {
  return translate(body, known).createAnswer({ ...head, randomId: numbered() });
}

/** A response, or a frame of one, with these parts. */
export function parts(list: Part[], finishReason?: string): GenerateContentResponse {
  const content = { role: 'model' as const, parts: list };
  return { candidates: [{ content, ...(finishReason !== undefined && { finishReason }) }] };
}

export const usage = { promptTokenCount: 7, candidatesTokenCount: 3, thoughtsTokenCount: 5, totalTokenCount: 15 };

/** The whole answer to a request. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely.
export function whole(body: Record<string, unknown>, response: GenerateContentResponse, known?: Known): any {
  return JSON.parse(String(answerTo(body, known).body([response], usage).content));
}

/** An event with its number taken out, as the numbers are checked here. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into events freely.
export type Event = Record<string, any>;

/** The events of a streamed answer. */
export function events(body: Record<string, unknown>, frames: GenerateContentResponse[], known?: Known): Event[] {
  const answer = answerTo({ ...body, stream: true }, known);
  return parseEvents(frames.map((frame) => answer.chunk(frame)).join('') + answer.end(usage));
}

/** Reads server-sent events strictly: each names its type and has the next number. */
export function parseEvents(text: string): Event[] {
  const blocks = text.split('\n\n');
  if (blocks.pop() !== '') throw new Error('The last event does not end.');
  return blocks.map((block, index) => {
    const [, type, data] = /^event: (\S+)\ndata: ([^\r\n]+)$/.exec(block) ?? [];
    const { sequence_number: number, ...event } = JSON.parse(data ?? 'null') as Event;
    if (event.type !== type || number !== index) throw new Error(`Event ${index} is ${block}`);
    return event;
  });
}
