import { ApiError } from '../../server/formats/api-error.ts';
import type {
  Answer,
  AnswerHead,
  ClientFormat,
  RememberedSignature,
  TranslatedRequest,
  TranslationContext,
} from '../../server/formats/format.ts';
import type { GenerateContentRequest } from '../../server/gemini/types.ts';
import { createModelDirectory } from '../../server/models/model-directory.ts';
import { modelNotFound } from '../../server/models/model-id.ts';
import { noModelsFile } from '../../server/models/models-file.ts';

const { resolve, rulesOf } = createModelDirectory(noModelsFile);

/** The model for a name, as without any alias. @throws ApiError 404 */
export function modelOf(requested: string): string {
  const id = resolve(requested);
  if (id === null) throw modelNotFound(requested, []);
  return id;
}

/** What a translation knows beside the body, with ids that count. */
export function translationContext(
  signatures: Record<string, RememberedSignature> = {},
  more: Partial<TranslationContext> = {},
): TranslationContext {
  let ids = 0;
  return {
    modelOf,
    rulesOf,
    outputTokenLimit: () => undefined,
    takesTopK: () => true,
    signatureOf: (key) => signatures[key],
    ownsFile: () => false,
    responses: { get: () => undefined, item: () => undefined },
    randomId: () => `random${++ids}`,
    ...more,
  };
}

/** The one body that goes upstream. */
export function upstreamBody({ calls }: TranslatedRequest): GenerateContentRequest {
  if (calls.length !== 1) throw new Error(`${calls.length} calls instead of one`);
  return calls[0]?.body as GenerateContentRequest;
}

/** What a body is translated to, without anything remembered. */
export function translated(format: ClientFormat, body: unknown): TranslatedRequest {
  return format.toGemini(body, translationContext());
}

/** The one body that goes upstream for a client's. */
export function bodyFor(format: ClientFormat, body: unknown): GenerateContentRequest {
  return upstreamBody(translated(format, body));
}

/** What a body is refused with: its status, the field at fault and the code. Null when it is not. */
export function refusalOf(format: ClientFormat, body: unknown) {
  try {
    translated(format, body);
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { status, param, code } = error;
    return [status, param, code];
  }
}

const answerHead: AnswerHead = { created: 1_760_000_000, now: () => 1_760_000_000, randomId: () => 'random' };

/** The answer to a body, ready to take in what Gemini sends. Made at 1760000000; its random ids are all the same. */
export function answerTo(format: ClientFormat, body: unknown): Answer {
  return translated(format, body).createAnswer(answerHead);
}

/** The data of server-sent events, parsed where it is JSON. */
export function eventsOf(text: string): unknown[] {
  const data = text.split('\n').filter((line) => line.startsWith('data: '));
  return data.map((line) => (line === 'data: [DONE]' ? '[DONE]' : JSON.parse(line.slice('data: '.length))));
}
