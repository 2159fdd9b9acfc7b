import type { ServerResponse } from 'node:http';
import type { NativeReply } from '../relay/reply.ts';

/** Passes an answer on as it comes. */
export class HttpNativeReply implements NativeReply {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #origin: string;

  /**
   * @param headers Of every answer.
   * @param origin Where the caller reaches us, for example `https://pool.example`.
   */
  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>, origin: string) {
    this.#response = response;
    this.#headers = headers;
    this.#origin = origin;
  }

  onGone(listener: () => void): void {
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) listener();
    });
  }

  begin(status: number, headers: Record<string, string>): void {
    this.#response.writeHead(status, { ...this.#headers, ...headers });
  }

  write(bytes: Buffer): boolean {
    return this.#response.destroyed || this.#response.write(bytes);
  }

  onDrain(listener: () => void): void {
    this.#response.once('drain', listener);
  }

  end(bytes: Buffer): void {
    if (!this.#response.destroyed) this.#response.end(bytes);
  }

  cut(): void {
    this.#response.destroy();
  }

  ownUrl(url: string): string {
    const { pathname, searchParams } = new URL(url);
    // Google puts the key there when it had it from the address.
    searchParams.delete('key');
    return `${this.#origin}${pathname}?${searchParams}`;
  }
}
