import type { ServerResponse } from 'node:http';
import type { Reply } from '../relay/reply.ts';

/** How long an answer took us, under the name OpenAI uses. Clients log it. */
const processingHeader = 'openai-processing-ms';

/** A line that every reader of server-sent events passes over. */
const comment = ': keep-alive\n\n';

/** Writes to the socket itself: Koa's body handling costs a quarter of the throughput of a stream. */
export class HttpReply implements Reply {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #heartbeatMs: number;
  readonly #startedAt = performance.now();
  #streamHeaders: Record<string, string> = {};
  #heartbeat = comment;
  #hasBegun = false;
  #timer: NodeJS.Timeout | undefined;
  /** Told of a whole answer that is sent. */
  keep: ((answer: { content: string | Buffer; headers: Record<string, string> }) => void) | null = null;

  /**
   * @param headers Of every answer.
   * @param heartbeatMs Silence after which a stream gets a sign of life.
   */
  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>, heartbeatMs: number) {
    this.#response = response;
    this.#headers = headers;
    this.#heartbeatMs = heartbeatMs;
  }

  get isOpen(): boolean {
    return this.#response.headersSent;
  }

  get isGone(): boolean {
    return this.#response.destroyed && !this.#response.writableFinished;
  }

  onGone(listener: () => void): void {
    this.#response.once('close', () => {
      clearTimeout(this.#timer);
      if (!this.#response.writableFinished) listener();
    });
  }

  send(content: string | Buffer, headers: Record<string, string>): void {
    this.keep?.({ content, headers });
    this.#response.writeHead(200, {
      ...this.#headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(content),
      [processingHeader]: Math.round(performance.now() - this.#startedAt),
      ...headers,
    });
    // A text goes out in one piece with the head.
    this.#response.end(content);
  }

  expectStream(headers: Record<string, string>, heartbeat = comment): void {
    this.#streamHeaders = headers;
    this.#heartbeat = heartbeat;
    this.#timer = setTimeout(() => this.#breakSilence(), this.#heartbeatMs);
  }

  write(events: string | Buffer): boolean {
    this.#hasBegun = true;
    return this.#send(events);
  }

  onDrain(listener: () => void): void {
    this.#response.once('drain', listener);
  }

  end(events: string | Buffer): void {
    clearTimeout(this.#timer);
    if (this.isGone) return;
    if (!this.isOpen) this.#open();
    this.#response.end(events);
  }

  cancelStream(): void {
    clearTimeout(this.#timer);
  }

  #send(events: string | Buffer): boolean {
    if (this.isGone) return true;
    if (!this.isOpen) this.#open();
    this.#timer?.refresh();
    return this.#response.write(events);
  }

  #open(): void {
    this.#response.writeHead(200, {
      ...this.#headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // nginx would collect the stream otherwise.
      'x-accel-buffering': 'no',
      [processingHeader]: Math.round(performance.now() - this.#startedAt),
      ...this.#streamHeaders,
    });
  }

  #breakSilence(): void {
    if (this.isGone || this.#response.writableEnded) return;
    this.#send(this.#hasBegun ? this.#heartbeat : comment);
  }
}
