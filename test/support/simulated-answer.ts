import type {
  GenerateContentRequest,
  GenerateContentResponse,
  Part,
  UsageMetadata,
} from '../../server/gemini/types.ts';
import type { Reply } from './gemini-answers.ts';
import { makeSignature } from './simulated-signature.ts';

const charactersPerToken = 4;

/** A reply as the frames that Gemini sends for a model: parts are new in each frame, usage is cumulative. */
export function toResponses(
  reply: Reply,
  model: string,
  promptTokens: number,
  number: number,
): GenerateContentResponse[] {
  const head = { modelVersion: model, responseId: `sim${String(number).padStart(6, '0')}` };
  const prompt = {
    promptTokenCount: promptTokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokens }],
  };
  if (reply.blockReason !== undefined) {
    const usageMetadata = { ...prompt, totalTokenCount: promptTokens };
    return [{ promptFeedback: { blockReason: reply.blockReason }, usageMetadata, ...head }];
  }
  const frames = sign(reply, model, number);
  let written = 0;
  let thought = 0;
  return frames.map((parts, index) => {
    for (const part of parts) {
      if (part.thought) thought += countTokens(part);
      else written += countTokens(part);
    }
    const isLast = index === frames.length - 1;
    const counted: UsageMetadata = {
      ...prompt,
      ...(written > 0 && { candidatesTokenCount: written }),
      ...(thought > 0 && { thoughtsTokenCount: thought }),
      totalTokenCount: promptTokens + written + thought,
    };
    return {
      candidates: [{ content: { parts, role: 'model' }, ...(isLast && ending(reply)), index: 0 }],
      usageMetadata: (isLast && reply.usage) || counted,
      ...head,
    };
  });
}

/** All frames as the one answer of an unstreamed call. */
export function mergeResponses(responses: GenerateContentResponse[]): GenerateContentResponse {
  const last = responses.at(-1) ?? {};
  const [candidate] = last.candidates ?? [];
  if (!candidate) return last;
  const parts = responses.flatMap((response) => response.candidates?.[0]?.content?.parts ?? []).reduce(appendPart, []);
  return { ...last, candidates: [{ ...candidate, content: { parts, role: 'model' } }] };
}

/** About what Google would count for a prompt. */
export function countPrompt(request: GenerateContentRequest): number {
  const contents = [...(request.contents ?? []), ...(request.systemInstruction ? [request.systemInstruction] : [])];
  const tokens = contents.flatMap(({ parts = [] }) => parts.map(countTokens)).reduce((sum, count) => sum + count, 0);
  const tools = request.tools ? countCharacters(JSON.stringify(request.tools)) : 0;
  return Math.max(1, tokens + tools);
}

function ending({ finishReason, finishMessage, continuationToken }: Reply) {
  return {
    ...(finishReason !== null && { finishReason }),
    ...(finishMessage !== undefined && { finishMessage }),
    ...(continuationToken !== undefined && { continuationToken }),
  };
}

/** Gemini 3 and newer sign the first call of a step, or end a text with an empty signed part; they also give calls an id. */
function sign({ frames, finishReason }: Reply, model: string, number: number): Part[][] {
  if (/^gemini-[12]([.-]|$)|^gemma-3/.test(model)) return frames;
  const thoughtSignature = makeSignature(number);
  let callCount = 0;
  const signed = frames.map((parts) =>
    parts.map((part) => {
      if (!part.functionCall) return part;
      callCount++;
      const withId = { ...part, functionCall: { id: `sim${number}c${callCount}`, ...part.functionCall } };
      return callCount === 1 ? { thoughtSignature, ...withId } : withId;
    }),
  );
  const isWholeText = callCount === 0 && finishReason === 'STOP' && frames.length > 0;
  return isWholeText ? [...signed, [{ text: '', thoughtSignature }]] : signed;
}

function appendPart(parts: Part[], part: Part): Part[] {
  const before = parts.at(-1);
  if (before?.text === undefined || part.text === undefined) return [...parts, part];
  if (before.thought !== part.thought || before.thoughtSignature !== undefined) return [...parts, part];
  return [...parts.slice(0, -1), { ...before, ...part, text: before.text + part.text }];
}

/** About what Google would count for a part. */
export function countTokens(part: Part): number {
  const { text, functionCall, functionResponse } = part;
  return countCharacters(text ?? JSON.stringify(functionCall?.args ?? functionResponse?.response ?? ''));
}

function countCharacters(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}
