import type { GeminiAction, GenerateContentRequest, GenerateContentResponse, UsageMetadata } from '../gemini/types.ts';
import type { ApiError } from './api-error.ts';
import type { ModelRules } from './model-rules.ts';
import type { Download } from './to-gemini/media.ts';

/** A client's wire format: two pure translations, to Gemini and from Gemini. Adding one touches its folder and one route. */
export interface ClientFormat {
  /** Name in the ledger, for example `openai-chat`. */
  name: string;
  /** The event that breaks silence once a stream has begun; without one it is a comment, as it always is before that. */
  heartbeat?: string;
  /** The body is a form (`multipart/form-data`), not JSON: an object of texts and `Upload`s, or lists of them. */
  takesForm?: true;
  /** Checks the caller's body and translates it. Throws `ApiError` for what cannot be served. */
  toGemini(body: unknown, context: TranslationContext): TranslatedRequest;
}

/** What a translation may know beside the body. */
export interface TranslationContext {
  /** The model id to call for the id that the client wrote. @throws ApiError 404 for what cannot be the id of a model */
  modelOf(requested: string): string;
  rulesOf(model: string): ModelRules;
  /** The most output tokens a model can give, when its card is known. */
  outputTokenLimit(model: string): number | undefined;
  /** False where the model's card is known and has no `topK`: Google refuses it there. */
  takesTopK(model: string): boolean;
  /** The thought signature remembered under a tool call id or an `answerSignatureKey`, for clients that drop it. */
  signatureOf(key: string): RememberedSignature | undefined;
  /** Earlier answers to the same client key. */
  responses: StoredResponses;
  /** Whether the same client key uploaded a file. @param name As Google has it, `files/…` */
  ownsFile(name: string): boolean;
  /** Random letters and digits, for ids that a client left out. */
  randomId(length: number): string;
}

/** A thought signature and the model that made it. */
export interface RememberedSignature {
  signature: string;
  model: string;
}

/** An answer that its client can continue, or ask for, by its id. */
export interface StoredResponse {
  /** The response object as it was sent. */
  body: { id: string; output: readonly Record<string, unknown>[]; [field: string]: unknown };
  /** All that it answers: what came before in the conversation, and what the request added. */
  input: readonly Record<string, unknown>[];
  /** About what it takes in memory. */
  bytes: number;
}

/** The answers that were stored for one client key; nobody sees those of another. */
export interface StoredResponses {
  get(id: string): StoredResponse | undefined;
  /** An item of one of the answers. */
  item(id: string): Record<string, unknown> | undefined;
}

/** How the signatures of a request's tool calls came: from the client, from our memory, or not at all. */
export interface SignatureUse {
  client: number;
  restored: number;
  placeholder: number;
}

/** One call of Gemini that a request needs. */
export interface UpstreamCall {
  action: GeminiAction;
  body: GenerateContentRequest | Record<string, unknown>;
  /** What the prompt is counted as when Google does not count it. */
  promptTokensEstimate?: number;
  /** Set for a native client: where it wants to go, and the body as it came (null when it had to be changed). Its answer passes as it is. */
  native?: { path: string; bytes: Buffer | null };
}

export interface TranslatedRequest {
  /** As the client wrote it; echoed in answers. */
  requestedModel: string;
  /** The id to call upstream. */
  model: string;
  /** Streamed: one call, passed on chunk by chunk. Otherwise all calls are made side by side and answered by one body. */
  isStreaming: boolean;
  calls: readonly UpstreamCall[];
  /** One failed call fails the request: an answer with a hole in it would be wrong. Otherwise what succeeded is the answer. */
  needsAll?: true;
  /** Media that the client named by address: fetched and put into their parts before anything is called. */
  downloads: readonly Download[];
  /** Resources (`files/…`, `cachedContents/…`) that only the key that made them can use. */
  resources: readonly string[];
  signatureUse: SignatureUse;
  /** Fields of the body that had no effect; told in `x-ignored-params`. */
  ignoredParams: string[];
  /** An answer without this kind of content is empty, and is asked for once more. */
  expects?: 'audio';
  /** The other direction, for this request. */
  createAnswer(head: AnswerHead): Answer;
}

/** What is fixed before the answer begins. */
export interface AnswerHead {
  /** Seconds since 1970. */
  created: number;
  /** The time by now, in seconds since 1970. */
  now(): number;
  /** Random letters and digits for ids that Gemini left out. */
  randomId(length: number): string;
}

/** The whole body of an unstreamed answer. */
export interface AnswerBody {
  content: string | Buffer;
  /** JSON unless it says otherwise. */
  contentType?: string;
}

/** Turns Gemini's answer into the caller's. Keeps state for one answer; no I/O. */
export interface Answer {
  /**
   * The whole body of an unstreamed answer.
   * @param responses One per call that was answered, in the order of the calls; each holds all hops of a continued answer merged.
   * @throws ApiError when what came is no answer in the caller's terms, such as a picture that was refused.
   */
  body(responses: readonly GenerateContentResponse[], usage: UsageMetadata): AnswerBody;
  /** The server-sent events for one Gemini chunk; '' when it has nothing for the caller. The first call begins with the opening events. */
  chunk(response: GenerateContentResponse): string;
  /**
   * The closing events: finish, usage if asked for, end marker. `chunk` has seen everything; `usage` is that of all hops.
   * @throws ApiError when what came is no answer in the caller's terms.
   */
  end(usage: UsageMetadata): string;
  /** The event that tells of a failure after the stream was opened; nothing follows it. `usage` is what was seen until then. */
  error(error: ApiError, usage: UsageMetadata): string;
  /** Thought signatures to be remembered, by the tool call id the caller was given or by `answerSignatureKey`. */
  signatures(): ReadonlyMap<string, string>;
  /** What to keep of a complete answer, in formats where a client may refer to it; null when it must not be kept. */
  stored?(): StoredResponse | null;
}

/** The answer of a format that is never streamed. */
export function wholeAnswer(body: Answer['body']): Answer {
  return { ...noStream, body };
}

const noStream: Omit<Answer, 'body'> = {
  chunk: () => '',
  end: () => '',
  error: () => '',
  signatures: () => new Map(),
};

/** A request that needs one call and nothing else. */
export const plainRequest = {
  downloads: [],
  resources: [],
  signatureUse: { client: 0, restored: 0, placeholder: 0 },
  ignoredParams: [],
} satisfies Partial<TranslatedRequest>;
