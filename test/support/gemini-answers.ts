import type { GeminiErrorBody, Part, UsageMetadata } from '../../server/gemini/types.ts';

/** What the simulated Gemini does with one call. Built by the functions below. */
export type GeminiAnswer =
  | Reply
  | GoogleFailure
  /** Bytes as they are, one write each. */
  | { kind: 'raw'; status: number; contentType: string; pieces: (string | Buffer)[] }
  /** Takes the request and never answers. */
  | { kind: 'hang' }
  /** Cuts the connection before the first byte of an answer. */
  | { kind: 'reset' };

/** An error in Google's shape; made in `gemini-failures.ts`. */
export interface GoogleFailure {
  kind: 'error';
  error: GeminiErrorBody;
  /** Errors of a streamed call say `text/event-stream` although they are plain JSON, except those about the key. */
  contentType?: string;
}

/** A model's answer: its parts frame by frame. An unstreamed call gets all frames as one. */
export interface Reply {
  kind: 'reply';
  frames: Part[][];
  /** Null leaves it out, as an answer does that was cut. */
  finishReason: string | null;
  finishMessage?: string;
  /** A refusal of the prompt: no candidates at all. */
  blockReason?: string;
  /** Instead of what the simulator counts. */
  usage?: UsageMetadata;
  continuationToken?: string;
  /** Awaited before each frame of a stream, and once before an unstreamed answer. */
  beforeFrame?(index: number): Promise<void>;
  /** How a stream ends after its frames; properly unless given. */
  ending?: 'reset' | 'hang' | { error: GeminiErrorBody; isBare: boolean };
}

const framesOfText = 3;

/** An answer in words, in several frames. */
export function text(words: string, frameCount = framesOfText): Reply {
  return reply(cut(words, frameCount).map((piece) => [{ text: piece }]));
}

/** An answer after visible thoughts. */
export function thinking(thoughts: string, words: string): Reply {
  return reply([[{ text: thoughts, thought: true }], ...text(words).frames]);
}

/** One function call; the simulator signs it for the models that sign. */
export function toolCall(name: string, args: Record<string, unknown> = {}): Reply {
  return toolCalls({ name, args });
}

/** Function calls to be made at once. They arrive whole, in the frame that ends the answer. */
export function toolCalls(...calls: { name: string; args?: Record<string, unknown>; id?: string }[]): Reply {
  return reply([calls.map((call) => ({ functionCall: { args: {}, ...call } }))]);
}

/** A prompt that Gemini refuses to answer. HTTP 200 all the same. */
export function blockedPrompt(blockReason = 'SAFETY'): Reply {
  return { ...reply([]), finishReason: null, blockReason };
}

/** An answer that ends for another reason than STOP, with or without words. */
export function finished(finishReason: string, words = '', finishMessage?: string): Reply {
  return { ...(words === '' ? reply([[]]) : text(words)), finishReason, ...(finishMessage && { finishMessage }) };
}

/** Frames as they are, for all that the builders above do not build. */
export function reply(frames: Part[][]): Reply {
  return { kind: 'reply', frames, finishReason: 'STOP' };
}

/** A stream that breaks after some of its frames: reset, or closed properly but without a finish reason. */
export function cutAfter(frameCount: number, whole: Reply, how: 'reset' | 'close' = 'reset'): Reply {
  const part: Reply = { ...whole, frames: whole.frames.slice(0, frameCount), finishReason: null };
  return how === 'reset' ? { ...part, ending: 'reset' } : part;
}

/** A stream in which an error follows some frames, as `data:` or, as Google also does it, bare. */
export function errorAfter(frameCount: number, whole: Reply, failure: GoogleFailure, isBare = false): Reply {
  return { ...cutAfter(frameCount, whole, 'close'), ending: { error: failure.error, isBare } };
}

/** A stream that falls silent after some of its frames and stays open. */
export function silentAfter(frameCount: number, whole: Reply): Reply {
  return { ...cutAfter(frameCount, whole, 'close'), ending: 'hang' };
}

/** An error page of something between us and Google. */
export function errorPage(status = 502): GeminiAnswer {
  const page = `<!DOCTYPE html>\n<html lang=en><title>Error ${status}</title><p>The server encountered a temporary error.</html>\n`;
  return { kind: 'raw', status, contentType: 'text/html; charset=UTF-8', pieces: [page] };
}

/** A stream byte for byte. */
export function rawStream(...pieces: (string | Buffer)[]): GeminiAnswer {
  return { kind: 'raw', status: 200, contentType: 'text/event-stream', pieces };
}

/** Never answers. */
export function hang(): GeminiAnswer {
  return { kind: 'hang' };
}

/** Resets the connection before an answer. */
export function reset(): GeminiAnswer {
  return { kind: 'reset' };
}

/** Holds back the frames of an answer until somebody lets them pass. */
export interface Gate {
  /** The answer behind this gate. */
  hold(whole: Reply): Reply;
  /** Lets some more frames pass. */
  pass(frameCount?: number): void;
  /** Lets everything pass, now and later. */
  open(): void;
}

/** A gate that is closed. */
export function createGate(): Gate {
  let allowed = 0;
  const waiting: (() => void)[] = [];
  const letThrough = () => {
    while (allowed > 0 && waiting.length > 0) {
      allowed--;
      waiting.shift()?.();
    }
  };
  const allow = (frameCount: number) => {
    allowed += frameCount;
    letThrough();
  };
  const beforeFrame = () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      letThrough();
    });
  return {
    hold: (whole) => ({ ...whole, beforeFrame }),
    pass: (frameCount = 1) => allow(frameCount),
    open: () => allow(Number.POSITIVE_INFINITY),
  };
}

/** In pieces of about the same length, never inside a character. */
function cut(words: string, pieceCount: number): string[] {
  const characters = [...words];
  const length = Math.max(1, Math.ceil(characters.length / pieceCount));
  const starts = Array.from({ length: Math.ceil(characters.length / length) }, (_, index) => index * length);
  return starts.map((start) => characters.slice(start, start + length).join(''));
}
