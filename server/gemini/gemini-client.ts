import type { GenerateContentResponse, ModelCard } from './types.ts';

/** One call of a model with one key. */
export interface GeminiCall {
  model: string;
  isStreaming: boolean;
  /** JSON text of a `GenerateContentRequest`. */
  body: string;
  /** The Gemini API key in the clear. */
  apiKey: string;
  /** Receives the answer of a streamed call. Absent for an unstreamed one. */
  sink?: GeminiSink;
  /** Told once, as soon as the call can be aborted. */
  onStart?(abort: () => void): void;
}

/** Takes a streamed answer as it arrives. */
export interface GeminiSink {
  /**
   * All chunks of one socket read, in order. Returning false asks for a pause: nothing more is read until `resume` is called.
   */
  chunks(chunks: GenerateContentResponse[], resume: () => void): boolean;
}

/** How a call ended. Never thrown: a failure is a value that the pool classifies. */
export type GeminiEnd =
  /** HTTP 200 and read to the end. `response` is set for an unstreamed call; `rest` is what was left that is no complete frame. */
  | { kind: 'answered'; response?: GenerateContentResponse; isTruncated: boolean; serviceTier: string | null }
  /** Google answered with an error, as status or as an error object inside a 200 answer. */
  | { kind: 'error'; status: number; text: string }
  /** No complete answer: refused, reset, timed out, TLS, malformed. */
  | { kind: 'broken'; code: string; message: string }
  /** `abort` was called. */
  | { kind: 'aborted' };

export interface GeminiClient {
  call(call: GeminiCall): Promise<GeminiEnd>;
  /** All pages of the models list. */
  listModels(
    apiKey: string,
  ): Promise<{ kind: 'listed'; models: ModelCard[] } | Exclude<GeminiEnd, { kind: 'answered' }>>;
  close(): Promise<void>;
}
