import type { Dispatcher } from 'undici';
import { brokenMessage, type CallKey } from './egress.ts';
import { answerMsMax, errorBytesMax } from './limits.ts';
import { redactKeys } from './parse-error.ts';

/** One call of Gemini's API that is passed on as a native client made it, with one key. */
export interface ForwardCall {
  method: string;
  /** With its query, without any key. */
  path: string;
  headers: Record<string, string>;
  body: Buffer | null;
  key: CallKey;
  /** Told once, before anything is sent. */
  onStart(abort: () => void): void;
  /** The head of an answer below 400; a worse one ends the call as an error. */
  onHead(status: number, headers: Record<string, string>): void;
  /** Takes a piece of the answer; false asks for a pause until `resume` is called. */
  onBytes(bytes: Buffer, resume: () => void): boolean;
}

/** How a forwarded call ended. Never thrown. */
export type ForwardEnd =
  | { kind: 'answered' }
  | { kind: 'error'; status: number; text: string }
  | { kind: 'broken'; message: string }
  | { kind: 'aborted' };

/** What of Google's answer a native client gets to see. */
const passedHeaders = /^(content-type|content-disposition|x-gemini-service-tier|x-goog-upload-[\w-]+)$/;

/** Takes one forwarded answer off the wire. */
export class ForwardHandler implements Dispatcher.DispatchHandler {
  readonly #call: ForwardCall;
  readonly #resolve: (end: ForwardEnd) => void;
  readonly #clock: () => number;
  readonly #startedAt: number;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #errorPieces: Buffer[] = [];
  #errorLength = 0;
  isDone = false;

  /** @param clock Time that only grows, ms. */
  constructor(call: ForwardCall, resolve: (end: ForwardEnd) => void, clock: () => number) {
    this.#call = call;
    this.#resolve = resolve;
    this.#clock = clock;
    this.#startedAt = clock();
  }

  abort(): void {
    this.#stop({ kind: 'aborted' });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.isDone) controller.abort(new Error('The call is not needed any more.'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    if (status < 400 && !this.isDone) this.#call.onHead(status, passedOn(headers));
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.isDone) return;
    if (this.#clock() - this.#startedAt > answerMsMax) {
      this.#stop({ kind: 'broken', message: 'The answer takes too long.' });
      return;
    }
    if (this.#status < 400) {
      if (!this.#call.onBytes(bytes, () => controller.resume())) controller.pause();
      return;
    }
    this.#errorLength += bytes.length;
    if (this.#errorLength > errorBytesMax) this.#stop({ kind: 'broken', message: 'The answer is too long.' });
    else this.#errorPieces.push(bytes);
  }

  onResponseEnd(): void {
    const text = redactKeys(Buffer.concat(this.#errorPieces).toString('utf8'), this.#call.key.apiKey);
    this.#done(this.#status < 400 ? { kind: 'answered' } : { kind: 'error', status: this.#status, text });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { code?: string }): void {
    this.#done({ kind: 'broken', message: brokenMessage(error, this.#call.key.proxyUrl ?? null) });
  }

  #stop(end: ForwardEnd): void {
    this.#done(end);
    this.#controller?.abort(new Error('The call is not needed any more.'));
  }

  #done(end: ForwardEnd): void {
    if (this.isDone) return;
    this.isDone = true;
    this.#resolve(end);
  }
}

function passedOn(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' && passedHeaders.test(name) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}
