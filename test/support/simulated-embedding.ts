import { createHash } from 'node:crypto';
import type { Part, UsageMetadata } from '../../server/gemini/types.ts';
import type { GoogleFailure } from './gemini-answers.ts';
import { checkNames } from './gemini-checks.ts';
import { badRequest } from './gemini-failures.ts';
import { countTokens } from './simulated-answer.ts';

/** One text to be embedded, as `:embedContent` takes it, and `:batchEmbedContents` up to a hundred of it. */
interface EmbedRequest {
  model?: string;
  content?: { parts?: Part[] };
  outputDimensionality?: number;
}

const requestNames = new Set('model content taskType title outputDimensionality autoTruncate'.split(' '));
const batchNames = new Set(['model', 'requests']);
const batchSizeMax = 100;
const dimensionsMax = 3072;

/** What Gemini checks before it embeds; null when all is well. */
export function checkEmbedding(model: string, action: string, body: unknown): GoogleFailure | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return badRequest('Invalid JSON payload received. Unexpected token.');
  }
  if (action === 'embedContent') {
    return checkNames(body, requestNames, '') ?? checkEmbedRequest(model, body, 'EmbedContentRequest', false);
  }
  const place = 'BatchEmbedContentsRequest.requests';
  const { requests } = body as { requests?: EmbedRequest[] };
  const wrongName = checkNames(body, batchNames, '');
  if (wrongName) return wrongName;
  if (!Array.isArray(requests) || requests.length === 0) return badRequest(`* ${place}: requests is not specified\n`);
  if (requests.length > batchSizeMax) {
    return badRequest(`* ${place}: at most ${batchSizeMax} requests can be in one batch\n`);
  }
  for (const [index, request] of requests.entries()) {
    const failure =
      checkNames(request, requestNames, ` at 'requests[${index}]'`) ??
      checkEmbedRequest(model, request, `${place}[${index}]`, true);
    if (failure) return failure;
  }
  return null;
}

/** A request in a batch must repeat the model of the path. */
function checkEmbedRequest(model: string, request: EmbedRequest, place: string, mustName: boolean) {
  const { model: named, content, outputDimensionality } = request;
  if ((named !== undefined || mustName) && named !== `models/${model}`) {
    return badRequest(`* ${place}.model: unexpected model name format\n`);
  }
  const parts = content?.parts;
  if (!Array.isArray(parts) || parts.length === 0) return badRequest(`* ${place}.content: content is empty\n`);
  if (parts.some((part) => part.text === '')) return badRequest(`* ${place}.content: content contains an empty Part\n`);
  if (outputDimensionality !== undefined && !(outputDimensionality >= 1 && outputDimensionality <= dimensionsMax)) {
    return badRequest(`* ${place}.output_dimensionality: must be in the range [1, ${dimensionsMax}]\n`);
  }
  return null;
}

/** The answer to a request that passed the checks, with its usage: the older model tells none. */
export function embed(model: string, action: string, body: unknown): { value: unknown; usage: UsageMetadata | null } {
  const requests = action === 'embedContent' ? [body as EmbedRequest] : (body as { requests: EmbedRequest[] }).requests;
  const tokens = requests
    .flatMap(({ content }) => content?.parts ?? [])
    .reduce((sum, part) => sum + countTokens(part), 0);
  const usage = model === 'gemini-embedding-001' ? null : { promptTokenCount: tokens, totalTokenCount: tokens };
  const embeddings = requests.map((request) => ({ values: embedRequest(model, request) }));
  const vectors = action === 'embedContent' ? { embedding: embeddings[0] } : { embeddings };
  return { value: { ...vectors, ...(usage && { usageMetadata: usage }) }, usage };
}

/** All parts of a content become one vector. */
function embedRequest(model: string, { content, outputDimensionality }: EmbedRequest): number[] {
  return embedText(model, (content?.parts ?? []).map((part) => part.text ?? '').join('\n'), outputDimensionality);
}

/**
 * The simulated vector of a text, as Gemini sends it: of `gemini-embedding-001` only the full length comes normalised.
 * Equal texts have equal vectors, others have others.
 */
export function embedText(model: string, text: string, dimensions = dimensionsMax): number[] {
  const seed = createHash('sha256').update(text).digest().readUInt16LE();
  const values = Array.from({ length: dimensions }, (_, index) => Math.sin(seed + index));
  return model === 'gemini-embedding-001' && dimensions < dimensionsMax ? values : toUnitLength(values);
}

/** The same direction with the length 1. */
export function toUnitLength(values: readonly number[]): number[] {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}
