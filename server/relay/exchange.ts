import { ApiError } from '../formats/api-error.ts';
import type { Answer, TranslatedRequest } from '../formats/format.ts';
import type { GeminiEnd } from '../gemini/gemini-client.ts';
import { mergeHops } from '../gemini/merge-hops.ts';
import { type Repair, repairRequest } from '../gemini/repair-request.ts';
import { type BadAnswer, Tally } from '../gemini/tally.ts';
import type { GenerateContentResponse } from '../gemini/types.ts';
import type { RequestAborted, TokenUsage } from '../ledger/events.ts';
import { classifyFailure, type Failure, failureOfAnswer } from '../pool/classify-failure.ts';
import type { AttemptResult, PoolKey } from '../pool/pool.ts';
import type { LiveOutcome } from './live-counters.ts';
import type { Call, RelayParts } from './relay.ts';
import type { Ending } from './request-events.ts';

/** Gemini 4 answers longer than one request are continued at most so often (a loop without end would cost without end). */
const hopsMax = 16;

/** One request on its way: its attempts, what has been seen of the answer, and what has been sent. */
export class Exchange {
  readonly #call: Call;
  readonly #translated: TranslatedRequest;
  readonly #parts: RelayParts;
  readonly #startedAt = performance.now();
  readonly #headers: Record<string, string>;
  #answer: Answer;
  #tally = new Tally();
  #unsent = '';
  #responses: GenerateContentResponse[] = [];
  #abortCall: (() => void) | null = null;
  #isFinished = false;
  #wasEmpty = false;
  /** Where it stands among the open calls. */
  place = 0;
  isCommitted = false;
  abortedBy: RequestAborted['by'] | null = null;
  outcome: LiveOutcome = 'failed';
  timeToFirstTokenMs: number | null = null;

  constructor(call: Call, translated: TranslatedRequest, parts: RelayParts) {
    this.#call = call;
    this.#translated = translated;
    this.#parts = parts;
    this.#answer = this.#createAnswer();
    const ignored = translated.ignoredParams.join(',');
    this.#headers = ignored ? { 'x-ignored-params': ignored } : {};
    call.reply.onGone(() => this.abort('client'));
    if (call.reply.isGone) this.abortedBy = 'client';
    if (translated.isStreaming) call.reply.expectStream(this.#headers);
  }

  get usage(): TokenUsage {
    return this.#tally.usage();
  }

  get finishReason(): string {
    return this.#tally.finishReason ?? (this.#tally.blockReason ? 'PROMPT_BLOCKED' : 'STOP');
  }

  /** One try with one key, over all hops of a long answer. */
  async attempt(key: PoolKey, repair: Repair | null): Promise<AttemptResult<null>> {
    this.#answer = this.#createAnswer();
    this.#tally = new Tally();
    this.#responses = [];
    this.#unsent = '';
    const request = repair ? repairRequest(this.#translated.gemini, repair) : this.#translated.gemini;
    let body = JSON.stringify(request);
    for (let hop = 1; ; hop++) {
      const end = await this.#callGemini(key, body);
      if (this.abortedBy || end.kind === 'aborted') return { kind: 'aborted' };
      const failure = this.#judge(end);
      // What came before a hop that failed is an answer all the same: it ends as if cut by length.
      if (failure && hop === 1) return { kind: 'failed', failure };
      if (failure || hop === hopsMax || !this.#tally.mayContinue(request)) return { kind: 'answered', value: null };
      body = JSON.stringify({ ...request, continuationToken: this.#tally.nextHop() });
    }
  }

  #callGemini(key: PoolKey, body: string): Promise<GeminiEnd> {
    const { model, isStreaming } = this.#translated;
    return this.#parts.gemini.call({
      model,
      isStreaming,
      body,
      apiKey: key.apiKey,
      onChunks: (chunks, resume) => this.#take(chunks, resume),
      onStart: (abort) => {
        this.#abortCall = abort;
        if (this.abortedBy) abort();
      },
    });
  }

  /** Passes on what one read of the socket brought. Held back until there is content: until then another key may be tried. */
  #take(chunks: GenerateContentResponse[], resume: () => void): boolean {
    for (const chunk of chunks) {
      this.#tally.add(chunk);
      this.#unsent += this.#answer.chunk(chunk);
    }
    if (!this.#tally.hasContent) return true;
    this.#commit();
    if (this.#unsent === '') return true;
    const text = this.#unsent;
    this.#unsent = '';
    if (this.#call.reply.write(text)) return true;
    this.#call.reply.onDrain(resume);
    return false;
  }

  #commit(): void {
    if (this.isCommitted) return;
    this.isCommitted = true;
    this.timeToFirstTokenMs = this.#elapsedMs();
  }

  #judge(end: Exclude<GeminiEnd, { kind: 'aborted' }>): Failure | null {
    if (end.kind !== 'answered') return classifyFailure(end, this.#parts.now());
    if (end.response) {
      this.#tally.add(end.response);
      this.#responses.push(end.response);
      if (this.#tally.hasContent) this.timeToFirstTokenMs ??= this.#elapsedMs();
    }
    const bad = this.#tally.judge(this.#translated.isStreaming) ?? this.#emptyOnce();
    return bad && failureOfAnswer(bad);
  }

  /** A success without content is tried once more; the second time it is the answer. */
  #emptyOnce(): BadAnswer | null {
    if (!this.#tally.isEmptySuccess || this.#wasEmpty || this.isCommitted) return null;
    this.#wasEmpty = true;
    return { class: 'empty_response', message: 'Gemini sent an empty answer.' };
  }

  ending(attempt: number, upstreamKeyId: string): Ending {
    return {
      attempt,
      upstreamKeyId,
      durationMs: this.#elapsedMs(),
      timeToFirstTokenMs: this.timeToFirstTokenMs,
      servedModel: this.#tally.modelVersion ?? null,
      usage: this.usage,
      usageSource: this.#tally.usageSource(this.abortedBy === null && this.#tally.finishReason !== undefined),
    };
  }

  /** All that is still to be sent of an answer that succeeded. */
  closingText(): string {
    const usage = this.#tally.usageMetadata();
    const text = this.#translated.isStreaming
      ? this.#unsent + this.#answer.end(usage)
      : this.#answer.body(mergeHops(this.#responses), usage);
    this.#parts.signatures.remember(this.#answer.signatures());
    return text;
  }

  finish(text: string): void {
    this.outcome = 'succeeded';
    this.#isFinished = true;
    if (this.#translated.isStreaming) this.#call.reply.end(text);
    else this.#call.reply.send(text, this.#headers);
  }

  /** Tells the caller of a failure: by status while nothing was sent, else by the stream's last event. */
  fail(error: ApiError): void {
    this.#isFinished = true;
    if (!this.#call.reply.isOpen) throw error;
    this.#call.reply.end(this.#answer.error(error));
  }

  /** Ends what was aborted: at shutdown the caller is still there and is told. */
  cut(): void {
    this.outcome = this.abortedBy === 'client' ? 'cancelled' : 'failed';
    if (this.abortedBy === 'client') return;
    const message = 'The gateway was stopped before the answer was complete.';
    this.fail(new ApiError(503, 'shutting_down', message, { retryAfterMs: 1000 }));
  }

  abort(by: RequestAborted['by']): void {
    if (this.#isFinished) return;
    this.abortedBy ??= by;
    this.#abortCall?.();
  }

  #createAnswer(): Answer {
    const { now, randomId } = this.#parts;
    return this.#translated.createAnswer({ created: Math.floor(now() / 1000), randomId });
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }
}
