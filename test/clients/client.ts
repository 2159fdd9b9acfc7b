import type { z } from 'zod';

/** The gateway as a client is pointed at it: address, client key, model. That is all that anybody has to change. */
export interface Gateway {
  /** Without a path, such as `http://127.0.0.1:8080`. */
  url: string;
  key: string;
  model: string;
}

/** One client library on one endpoint: a row of the matrix. */
export interface Client {
  /** As `--only` takes it. */
  id: string;
  /** Where it is pointed at the gateway: the file in this folder. */
  file: string;
  /** The npm package, whose installed version the matrix shows. */
  package: string;
  /** Where its calls arrive. */
  endpoint: string;
  /** What the ids of its answers look like. */
  answerId: RegExp;
  /** Its words for how an answer ended; null when it does not say. */
  finishReasons: Record<'stop' | 'length' | 'tools', string | null>;
  /** What it throws, instead of giving it, at an answer that was cut by length. */
  throwsWhenCut?: RegExp;
  /** What it throws for a bad key, an unknown model and a spent quota. */
  errorNames: Record<401 | 404 | 429, string>;
  /** Why a check is not run. */
  notOffered?: Partial<Record<'embeddings', string>>;
  connect(gateway: Gateway): Calls;
  /** What its users see of an error; null for one that is not the API's. */
  readError(error: unknown): ReadError | null;
}

/** What every client can do, each in its own way. Retries are switched off: they would hide what the gateway does. */
export interface Calls {
  chat(prompt: string, signal?: AbortSignal): Promise<Answer>;
  /** Tells each piece of the text as it arrives. */
  stream(prompt: string, onText: (piece: string) => void, signal?: AbortSignal): Promise<Answer>;
  /** Asks each question with all that was said before, and runs the tool whenever it is called. */
  converse(questions: string[], tool: Tool, isStreaming: boolean): Promise<Conversation>;
  /** @param png As base64. */
  lookAt(png: string, prompt: string): Promise<Answer>;
  /** Asks for JSON of a schema, and has the client parse it. */
  extract(prompt: string, schema: z.ZodObject): Promise<unknown>;
  embed?(texts: string[], model: string, dimensions: number): Promise<Embedded>;
}

export interface Answer {
  id: string | undefined;
  text: string | null;
  finishReason: string | null | undefined;
  tokens: { input: number | undefined; output: number | undefined };
}

/** A function that the model may call. */
export interface Tool {
  name: string;
  description: string;
  parameters: z.ZodType<{ city: string }>;
  run(args: { city: string }): string;
}

export interface Conversation {
  /** The last words to each question. */
  texts: (string | null | undefined)[];
  /** Of every answer, tool calls included; none when the client does not say. */
  finishReasons: (string | null | undefined)[];
}

export interface Embedded {
  vectors: number[][];
  /** Null when the client does not say. */
  tokens: number | null;
}

export interface ReadError {
  /** Its class. */
  name: string;
  status: number | undefined;
  message: string;
  /** Seconds; undefined when the client does not show the answer's headers. */
  retryAfter?: string | null;
}
