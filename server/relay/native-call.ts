import type { Need } from '../clients/limits/admit.ts';
import type { Admission } from '../clients/limits/limiter.ts';
import type { ForwardEnd } from '../gemini/forward-call.ts';
import { withoutKey } from '../gemini/parse-error.ts';
import { Tally } from '../gemini/tally.ts';
import type { GenerateContentResponse } from '../gemini/types.ts';
import type { RequestAborted, TokenUsage } from '../ledger/events.ts';
import { blameResource, classifyFailure } from '../pool/classify-failure.ts';
import type { AttemptResult } from '../pool/pool.ts';
import type { PoolKey } from '../pool/pool-key.ts';
import type { Caller } from '../pool/waiting-room.ts';
import type { LiveOutcome } from './live-counters.ts';
import type { RelayParts } from './parts.ts';
import type { NativeReply } from './reply.ts';

/** A call of Gemini's own API that is about no answer of a model: files, caches, interactions and the like. */
export interface NativeRequest {
  requestId: string;
  /** The caller's own id for it, at most 128 printable characters. */
  clientRequestId?: string | undefined;
  clientKeyId: string;
  method: string;
  /** With its query, without the client key. */
  path: string;
  /** Those of the caller's headers that may go upstream. */
  headers: Record<string, string>;
  body: Buffer | null;
  /** The model that path or body name; '' for none. */
  model: string;
  /** Its requests lie in a file that is not looked into: which models they name is not known. */
  isFromFile: boolean;
  /** It makes something for that model: refused, it is the model's or the key's affair. Otherwise what it asks for is to blame. */
  isCreation: boolean;
  /** The resource that is gone when it succeeds. */
  deletes: string | null;
  /** What it is about and what it mentions: names of resources. */
  resources: readonly string[];
  reply: NativeReply;
  /** Whether the caller may use a model. */
  mayUse(...names: string[]): boolean;
  /** Whether the caller's key is held to no models. */
  mayUseAll: boolean;
  /** Decides by the limits of the caller's key and reserves what is needed; null for a key without limits. @throws ApiError 429 */
  admit: ((need: Need) => Admission) | null;
}

/** JSON up to this size is looked into before it is passed on; it names what was made. */
const jsonBytesMax = 8 * 1024 * 1024;

/** A native call on its way. */
export class NativeCall implements Caller {
  readonly #request: NativeRequest;
  readonly #parts: Pick<RelayParts, 'gemini' | 'now'>;
  readonly #startedAt = performance.now();
  #abortCall: (() => void) | null = null;
  #head: { status: number; headers: Record<string, string> } | null = null;
  #apiKey = '';
  #held: Buffer[] = [];
  #heldLength = 0;
  #isFinished = false;
  #goneListener: (() => void) | null = null;
  place = 0;
  attemptCount = 0;
  isCommitted = false;
  abortedBy: RequestAborted['by'] | null = null;
  outcome: LiveOutcome = 'failed';

  constructor(request: NativeRequest, parts: Pick<RelayParts, 'gemini' | 'now'>) {
    this.#request = request;
    this.#parts = parts;
    request.reply.onGone(() => this.abort('client'));
  }

  get clientKeyId(): string {
    return this.#request.clientKeyId;
  }

  get bodyBytes(): number {
    return this.#request.body?.length ?? 0;
  }

  isGone(): boolean {
    return this.abortedBy !== null;
  }

  onGone(listener: () => void): void {
    this.#goneListener = listener;
  }

  get head() {
    return this.#head;
  }

  /** The answer, if it is JSON and was held back to be looked into. */
  get json(): Record<string, unknown> | null {
    try {
      const value: unknown = JSON.parse(Buffer.concat(this.#held).toString('utf8'));
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
    } catch {
      return null;
    }
  }

  async attempt(key: PoolKey): Promise<AttemptResult<null>> {
    const { method, path, headers, body } = this.#request;
    this.#apiKey = key.apiKey;
    this.#held = [];
    this.#heldLength = 0;
    const end: ForwardEnd = await this.#parts.gemini.forward({
      method,
      path,
      headers,
      body,
      key,
      onStart: (abort) => {
        this.#abortCall = abort;
        if (this.abortedBy) abort();
      },
      onHead: (status, answerHeaders) => {
        this.#head = { status, headers: answerHeaders };
      },
      onBytes: (bytes, resume) => this.#onBytes(bytes, resume),
    });
    if (this.abortedBy || end.kind === 'aborted') return { kind: 'aborted' };
    if (end.kind === 'answered') return { kind: 'answered', value: null };
    const failure = classifyFailure(end, this.#parts.now());
    const { model, isCreation, resources } = this.#request;
    const isAboutModel = model !== '' && isCreation && resources.length === 0;
    return { kind: 'failed', failure: isAboutModel ? failure : blameResource(failure) };
  }

  /** JSON is held back, because it names what was made and that has to be known before the caller can ask for it. */
  #onBytes(bytes: Buffer, resume: () => void): boolean {
    this.#held.push(bytes);
    this.#heldLength += bytes.length;
    const isJson = this.#head?.headers['content-type']?.includes('json') ?? false;
    if (!this.isCommitted && isJson && this.#heldLength <= jsonBytesMax) return true;
    return this.#send(resume);
  }

  #send(resume: () => void): boolean {
    const { reply } = this.#request;
    if (!this.isCommitted && this.#head) reply.begin(this.#head.status, this.#head.headers);
    this.isCommitted = true;
    if (reply.write(this.#takeHeld())) return true;
    reply.onDrain(resume);
    return false;
  }

  finish(headers: Record<string, string>): void {
    this.outcome = 'succeeded';
    this.#isFinished = true;
    const { reply } = this.#request;
    if (!this.isCommitted) reply.begin(this.#head?.status ?? 200, headers);
    reply.end(this.#takeHeld());
  }

  #takeHeld(): Buffer {
    const pieces = this.#held;
    this.#held = [];
    return withoutKey(Buffer.concat(pieces), this.#apiKey);
  }

  /** Tells the caller of a failure by status, or cuts an answer that has begun. */
  fail(error: Error): void {
    this.#isFinished = true;
    if (!this.isCommitted) throw error;
    this.#request.reply.cut();
  }

  cancel(): void {
    this.#isFinished = true;
    this.outcome = this.abortedBy === 'client' ? 'cancelled' : 'failed';
    this.#request.reply.cut();
  }

  /** An answer that is passed on unread tells nothing on its way. */
  seenUsage(): null {
    return null;
  }

  abort(by: RequestAborted['by']): void {
    if (this.#isFinished) return;
    this.abortedBy ??= by;
    this.#abortCall?.();
    this.#goneListener?.();
  }

  elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }
}

/** Tokens as an interaction tells them; null when it tells none. */
export function usageOfInteraction(answer: Record<string, unknown> | null): TokenUsage | null {
  const tally = new Tally('steps');
  tally.add({ usage: answer?.usage } as GenerateContentResponse);
  return tally.usageSource(true) === 'upstream' ? tally.usage() : null;
}
