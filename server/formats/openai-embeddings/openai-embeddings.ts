import { modelName } from '../../gemini/model-name.ts';
import type { UsageMetadata } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import {
  type ClientFormat,
  plainRequest,
  type TranslatedRequest,
  type TranslationContext,
  type UpstreamCall,
  wholeAnswer,
} from '../format.ts';
import { googleExtensions } from '../to-gemini/google-extensions.ts';
import { type Fields, readBody, readInteger, readText } from '../to-gemini/read-fields.ts';
import { readTexts } from '../to-gemini/read-texts.ts';
import { readVectors, toBase64 } from './vectors.ts';

/** OpenAI's embeddings, `POST /v1/embeddings`. */
export const openaiEmbeddings: ClientFormat = { name: 'openai-embeddings', toGemini };

/** Fields that are read, or that OpenAI defines and that have no meaning here: neither is reported as ignored. */
const knownFields = new Set('model input dimensions encoding_format user task_type title extra_body google'.split(' '));

/** OpenAI's own limit. */
const textsMax = 2048;
/** The one client that sends token ids unasked. */
const langChainHint = ' In LangChain for Python set `check_embedding_ctx_length=False`.';
/** Google takes so many texts in one batch. */
const batchSizeMax = 100;
/** The length of a whole vector of Google's models; shorter ones can be asked for. */
const dimensionsMax = 3072;
/** Bytes of UTF-8 that are counted as a token where Google counts none. */
const bytesPerToken = 4;

/** https://ai.google.dev/gemini-api/docs/embeddings#task-types */
const taskTypes = new Set(
  `RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING FACT_VERIFICATION
   CODE_RETRIEVAL_QUERY`.split(/\s+/),
);

function toGemini(body: unknown, context: TranslationContext): TranslatedRequest {
  const request = readBody(body);
  const model = context.modelOf(request.model);
  const texts = readTexts(request, 'input', textsMax, langChainHint);
  const purpose = readPurpose(request);
  const takesPurpose = context.rulesOf(model).hasTaskType;
  const outputDimensionality = readInteger(request, 'dimensions', 1, dimensionsMax);
  const settings = {
    ...(takesPurpose && purpose),
    ...(outputDimensionality !== undefined && { outputDimensionality }),
  };
  const isBase64 = readEncoding(request) === 'base64';
  const batches = toBatches(texts);
  const ignored = takesPurpose ? [] : ['task_type', 'title'].filter((field) => request[field] !== undefined);
  return {
    ...plainRequest,
    requestedModel: request.model,
    model,
    isStreaming: false,
    calls: batches.map((batch) => toCall(batch, model, settings)),
    needsAll: true,
    ignoredParams: [...Object.keys(request).filter((field) => !knownFields.has(field)), ...ignored],
    createAnswer: () =>
      wholeAnswer((responses, usage) => {
        const vectors = responses.flatMap((response, index) => readVectors(response, batches[index]?.length ?? 0));
        return { content: JSON.stringify(toList(vectors, isBase64, request.model, usage)) };
      }),
  };
}

function toList(vectors: readonly number[][], isBase64: boolean, model: string, usage: UsageMetadata) {
  const data = vectors.map((vector, index) => {
    const embedding = isBase64 ? toBase64(vector) : vector;
    return { object: 'embedding', index, embedding };
  });
  const prompt_tokens = usage.promptTokenCount ?? 0;
  return { object: 'list', data, model, usage: { prompt_tokens, total_tokens: prompt_tokens } };
}

/** One text has a call of its own with a higher rate limit; a batch makes one vector of each request in it. */
function toCall(texts: readonly string[], model: string, settings: Fields): UpstreamCall {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const promptTokensEstimate = Math.ceil(bytes / bytesPerToken);
  const requests = texts.map((text) => ({ model: modelName(model), content: { parts: [{ text }] }, ...settings }));
  const [only, ...others] = requests;
  return only && others.length === 0
    ? { action: 'embedContent', body: only, promptTokensEstimate }
    : { action: 'batchEmbedContents', body: { requests }, promptTokensEstimate };
}

function toBatches(texts: readonly string[]): string[][] {
  const count = Math.ceil(texts.length / batchSizeMax);
  return Array.from({ length: count }, (_, index) => texts.slice(index * batchSizeMax, (index + 1) * batchSizeMax));
}

/** What the vectors are for, beside OpenAI's fields or where Google's own layer has it. @throws ApiError */
function readPurpose(request: Fields): { taskType?: string; title?: string } {
  const google = googleExtensions(request);
  const taskType = readText(request, 'task_type') ?? readText(google, 'taskType');
  const title = readText(request, 'title') ?? readText(google, 'title');
  if (taskType !== undefined && !taskTypes.has(taskType))
    throw invalidRequest(`\`task_type\` must be one of ${[...taskTypes].join(', ')}.`, 'task_type');
  return { ...(taskType && { taskType }), ...(title && { title }) };
}

function readEncoding({ encoding_format: encoding }: Fields): 'float' | 'base64' {
  if (encoding === undefined || encoding === null || encoding === 'float') return 'float';
  if (encoding === 'base64') return 'base64';
  throw invalidRequest('`encoding_format` must be float or base64.', 'encoding_format');
}
