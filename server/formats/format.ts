import type { GenerateContentRequest, GenerateContentResponse, UsageMetadata } from '../gemini/types.ts';
import type { ApiError } from './api-error.ts';

/** A client's wire format: two pure translations, to Gemini and from Gemini. Adding one touches its folder and one route. */
export interface ClientFormat {
  /** Name in the ledger, for example `openai-chat`. */
  name: string;
  /** Checks the caller's body and translates it. Throws `ApiError` for what cannot be served. */
  toGemini(body: unknown, context: TranslationContext): TranslatedRequest;
}

/** What a translation may know beside the body. */
export interface TranslationContext {
  /** The most output tokens a model can give, when its card is known. */
  outputTokenLimit(model: string): number | undefined;
  /** The thought signature remembered for a tool call id, when the client dropped it. */
  signatureOf(toolCallId: string): string | undefined;
}

export interface TranslatedRequest {
  /** As the client wrote it; echoed in answers. */
  requestedModel: string;
  /** The id to call upstream. */
  model: string;
  isStreaming: boolean;
  gemini: GenerateContentRequest;
  /** Fields of the body that had no effect; told in `x-ignored-params`. */
  ignoredParams: string[];
  /** The other direction, for this request. */
  createAnswer(head: AnswerHead): Answer;
}

/** What is fixed before the answer begins. */
export interface AnswerHead {
  /** Seconds since 1970. */
  created: number;
  /** Random letters and digits for ids that Gemini left out. */
  randomId(length: number): string;
}

/** Turns Gemini's answer into the caller's. Keeps state for one answer; no I/O. */
export interface Answer {
  /** The whole body of an unstreamed answer, as JSON text. `response` holds all hops of a continued answer merged. */
  body(response: GenerateContentResponse, usage: UsageMetadata): string;
  /** The server-sent events for one Gemini chunk; '' when it has nothing for the caller. The first call begins with the opening events. */
  chunk(response: GenerateContentResponse): string;
  /** The closing events: finish, usage if asked for, end marker. `chunk` has seen everything; `usage` is that of all hops. */
  end(usage: UsageMetadata): string;
  /** The event that tells of a failure after the stream was opened; nothing follows it. */
  error(error: ApiError): string;
  /** Thought signatures by the tool call id the caller was given, to be remembered. */
  signatures(): ReadonlyMap<string, string>;
}
