import type { Admission } from '../clients/limits/limiter.ts';
import { ApiError } from '../formats/api-error.ts';
import type { Answer, AnswerBody, TranslatedRequest } from '../formats/format.ts';
import type { AnswerHeaders } from '../gemini/gemini-client.ts';
import type { GenerateContentResponse, UsageMetadata } from '../gemini/types.ts';
import type { Charge, RequestAborted, TokenUsage, UsageSource } from '../ledger/events.ts';
import type { SeenUsage } from '../ledger/ledger-commands.ts';
import type { Spent } from '../ledger/settle.ts';
import { isModelId } from '../models/model-id.ts';
import type { PoolKey } from '../pool/pool-key.ts';
import type { Caller } from '../pool/waiting-room.ts';
import { ignoredHeader } from './ignored-header.ts';
import type { LiveOutcome } from './live-counters.ts';
import type { Call, RelayParts } from './parts.ts';
import { type CallOwner, PendingCall } from './pending-call.ts';
import type { Acceptance, Adjustment, Ending } from './request-events.ts';
import { negated, noUsage, sumUsage } from './token-usage.ts';

/** What was made ready before a request was accepted. */
interface PreparedCalls {
  written: readonly (string | Buffer)[];
  promptTokens: number;
  admission: Admission | null;
}

/** How it stood when its caller left, and what ends the watch over the call that goes on. */
interface Left {
  ending: Ending;
  end(): void;
}

/** One request on its way: its calls, what has been seen of the answer, and what has been sent. */
export class Exchange implements CallOwner, Caller {
  readonly #call: Call;
  readonly #translated: TranslatedRequest;
  readonly #parts: RelayParts;
  readonly #startedAt = performance.now();
  readonly #headers: Record<string, string>;
  #answer: Answer;
  #unsent = '';
  /** Of a native stream, whose bytes pass as they are. */
  #unsentBytes: Buffer[] = [];
  /** Signatures that are kept already, by their keys. */
  readonly #remembered = new Map<string, string>();
  readonly #promptTokens: number;
  readonly #acceptedAt: number;
  readonly #admission: Admission | null;
  /** Null before the first try. */
  #lastKeyId: string | null = null;
  #left: Left | null = null;
  #spentEarlier: TokenUsage = noUsage;
  #costEarlier = 0n;
  #isFinished = false;
  #goneListeners: (() => void)[] = [];
  /** The upstream calls it needs: one, or several side by side that are answered together. */
  readonly calls: readonly PendingCall[];
  /** Those of `calls` that were answered, once all have ended. */
  answered: readonly PendingCall[] = [];
  /** Attempts that have ended, over all calls. */
  attemptCount = 0;
  /** Where it stands among the open calls. */
  place = 0;
  isCommitted = false;
  abortedBy: RequestAborted['by'] | null = null;
  /** Told when its caller leaves and its call goes on nevertheless, with how it stood then. */
  onLeft: (ending: Ending) => void = () => {};
  outcome: LiveOutcome = 'failed';
  timeToFirstTokenMs: number | null = null;

  /** @param prepared The bodies of its upstream calls, how many tokens the prompt of each has about, and what the caller's limits admit. */
  constructor(
    call: Call,
    translated: TranslatedRequest,
    { written, promptTokens, admission }: PreparedCalls,
    parts: RelayParts,
  ) {
    this.#call = call;
    this.#translated = translated;
    this.#parts = parts;
    this.#promptTokens = promptTokens;
    this.#acceptedAt = parts.now();
    this.#admission = admission;
    this.#answer = this.#createAnswer();
    const { calls, model, expects } = translated;
    const about = { model, expects, promptTokens };
    this.calls = calls.map((upstream, index) => new PendingCall(upstream, written[index] ?? '', about, this, parts));
    this.#headers = { 'x-pool-model': model, ...ignoredHeader(translated.ignoredParams) };
    call.reply.onGone(() => this.abort('client'));
    if (call.reply.isGone) this.abortedBy = 'client';
    if (translated.isStreaming) call.reply.expectStream(this.#headers, call.format.heartbeat);
  }

  get clientKeyId(): string {
    return this.#call.clientKeyId;
  }

  get bodyBytes(): number {
    return this.#call.bodyBytes;
  }

  isGone(): boolean {
    return this.abortedBy !== null;
  }

  onGone(listener: () => void): void {
    this.#goneListeners.push(listener);
  }

  /** Tokens of all calls so far. */
  get usage(): TokenUsage {
    return this.calls.map(({ tally }) => tally.usage()).reduce(sumUsage);
  }

  /** As the client sent it. */
  get clientBody(): unknown {
    return this.#call.body;
  }

  get hasResources(): boolean {
    return this.#translated.resources.length > 0;
  }

  /** One failed call fails the request. */
  get needsAll(): boolean {
    return this.#translated.needsAll === true;
  }

  get finishReason(): string {
    const { tally } = this.#firstCall;
    return tally.finishReason ?? (tally.blockReason ? 'PROMPT_BLOCKED' : 'STOP');
  }

  onAttempt({ id }: PoolKey): void {
    this.#lastKeyId = id;
    // Nothing has been read of the first one's answer yet.
    if (this.calls.length > 1 || this.attemptCount === 0) return;
    this.#answer = this.#createAnswer();
    this.#unsent = '';
    this.#unsentBytes = [];
  }

  onChunk(chunk: GenerateContentResponse): void {
    this.#firstCall.tally.add(chunk);
    this.#unsent += this.#answer.chunk(chunk);
  }

  /** Passes on what one read of the socket brought. Held back until there is content: until then another key may be tried. */
  onRead(resume: () => void, bytes: Buffer, headers: AnswerHeaders): boolean {
    const { tally, isNative } = this.#firstCall;
    if (isNative) {
      this.#unsentBytes.push(bytes);
      Object.assign(this.#headers, headers);
    }
    if (!tally.hasContent) return true;
    this.#commit();
    // Before the call is out: a client that has it may leave, and be back with its result before this stream has ended.
    if (tally.hasFunctionCall) this.#rememberSignatures();
    const content = this.#takeUnsent();
    if (content.length === 0 || this.#call.reply.write(content)) return true;
    this.#call.reply.onDrain(resume);
    return false;
  }

  #takeUnsent(): string | Buffer {
    if (!this.#firstCall.isNative) {
      const text = this.#unsent;
      this.#unsent = '';
      return text;
    }
    const bytes = Buffer.concat(this.#unsentBytes);
    this.#unsentBytes = [];
    return bytes;
  }

  onContent(): void {
    this.timeToFirstTokenMs ??= this.#elapsedMs();
  }

  #commit(): void {
    if (this.isCommitted) return;
    this.isCommitted = true;
    this.#nameServedModel();
    this.timeToFirstTokenMs = this.#elapsedMs();
    // From here on a comment of ours could fall into the middle of one of Google's frames.
    if (this.#firstCall.isNative) this.#call.reply.cancelStream();
  }

  /** Google may serve another model than the one that was called. */
  #nameServedModel(): void {
    const { modelVersion } = this.#firstCall.tally;
    if (modelVersion && isModelId(modelVersion)) this.#headers['x-pool-model'] = modelVersion;
  }

  /** What the event that accepts it says beside the facts. */
  acceptance(upstreamKeyId: string): Acceptance {
    const claim = this.#call.idempotency;
    return {
      bodyBytes: this.#call.bodyBytes,
      upstreamKeyId,
      promptTokens: this.#promptTokens * this.calls.length,
      reservations: this.#admission?.reservations ?? [],
      idempotency: claim && { keyHash: claim.keyHash, bodyHash: claim.bodyHash },
    };
  }

  /** The ledger has it. */
  wasAccepted(): void {
    this.#call.idempotency?.accepted();
  }

  /**
   * Where it stands, as the terminal event has it. What several calls used has been told by then, call by call. The reservations of the
   * caller's limits are settled by it.
   */
  ending(upstreamKeyId: string, { hasFailed, isRefused = false }: { hasFailed: boolean; isRefused?: boolean }): Ending {
    const call = this.#firstCall;
    const isSingle = this.calls.length === 1;
    const usage = isSingle ? call.tally.usage() : noUsage;
    const charge = this.chargeOf(call, usage);
    const settlements = this.#settle(usage, charge, hasFailed);
    const { serviceTier } = call;
    return {
      attempt: this.attemptCount,
      upstreamKeyId,
      durationMs: this.#elapsedMs(),
      timeToFirstTokenMs: this.timeToFirstTokenMs,
      servedModel: call.tally.modelVersion ?? null,
      usage,
      usageSource: this.#usageSource(isRefused),
      ...(call.tally.isDoubtful && { isUsageDoubtful: true }),
      ...(charge && { charge }),
      ...(serviceTier && { serviceTier }),
      ...(settlements && settlements.length > 0 && { settlements }),
      ...(!isSingle && { calls: this.calls.length }),
    };
  }

  /** What a call of it has cost; undefined when no price is known. */
  chargeOf(call: PendingCall, usage: TokenUsage): Charge | undefined {
    return this.#charge(usage, call.tally.modelVersion ?? null, call.serviceTier);
  }

  /** A call has ended without ending the request: what it used counts for the budgets. */
  addSpent(usage: TokenUsage, charge: Charge | undefined): void {
    this.#spentEarlier = sumUsage(this.#spentEarlier, usage);
    if (charge) this.#costEarlier += BigInt(charge.costPico);
  }

  #charge(usage: TokenUsage, servedModel: string | null, serviceTier: string | undefined): Charge | undefined {
    const { model } = this.#translated;
    return this.#parts.prices.charge({ servedModel, model, usage, startedAt: this.#acceptedAt, serviceTier });
  }

  #settle(usage: TokenUsage, charge: Charge | undefined, hasFailed: boolean) {
    return this.#admission?.settle(this.#spent(usage, charge, hasFailed));
  }

  /** With what its calls have used that did not end it. */
  #spent(usage: TokenUsage, charge: Charge | undefined, hasFailed: boolean): Spent {
    const costPico = String(this.#costEarlier + BigInt(charge?.costPico ?? 0));
    const priceId = charge?.priceId ?? '';
    return { usage: sumUsage(this.#spentEarlier, usage), charge: { costPico, priceId }, hasFailed };
  }

  /** Gives back what was reserved for a request that came to nothing. */
  releaseAdmission(): void {
    this.#admission?.release();
  }

  /** Of several answers the least certain one decides. Google has used nothing where it refused. */
  #usageSource(isRefused: boolean): UsageSource {
    const calls = this.answered.length > 0 ? this.answered : [this.#firstCall];
    const sources = calls.map(({ tally }) =>
      tally.usageSource(
        this.abortedBy === null && (tally.finishReason !== undefined || !isGeneration(this.#translated)),
      ),
    );
    const source = leastCertainFirst.find((candidate) => sources.includes(candidate)) ?? 'unknown';
    return source === 'unknown' && isRefused ? 'upstream' : source;
  }

  /** Translates the calls that were answered into all that is still to be sent. @throws ApiError when it is no answer for the caller. */
  close(): AnswerBody {
    const first = this.#firstCall;
    if (first.isNative) return this.#closeNative(first);
    const usage = this.answered.length === 1 ? withTier(first) : sumOfCalls(this.answered);
    const body = this.#translated.isStreaming
      ? { content: this.#unsent + this.#answer.end(usage) }
      : this.#answer.body(
          this.answered.map(({ response }) => response),
          usage,
        );
    this.#rememberSignatures();
    this.#rememberResponse();
    return body;
  }

  #closeNative(call: PendingCall): AnswerBody {
    if (this.#translated.isStreaming) {
      this.#rememberSignatures();
      return { content: this.#takeUnsent() };
    }
    this.#answer.body([call.response], {});
    this.#rememberSignatures();
    Object.assign(this.#headers, call.headers);
    return { content: call.text };
  }

  #rememberResponse(): void {
    const stored = this.#answer.stored?.();
    if (!stored) return;
    const { clientKeyId, bodyBytes } = this.#call;
    this.#parts.responses.of(clientKeyId).remember({ ...stored, bytes: stored.bytes + bodyBytes });
  }

  #rememberSignatures(): void {
    const signatures = [...this.#answer.signatures()].filter(
      ([key, signature]) => this.#remembered.get(key) !== signature,
    );
    if (signatures.length === 0) return;
    const { model } = this.#translated;
    for (const [key, signature] of signatures) this.#remembered.set(key, signature);
    this.#parts.signatures.remember(signatures.map(([key, signature]) => ({ key, signature, model })));
  }

  finish({ content, contentType }: AnswerBody): void {
    this.outcome = 'succeeded';
    this.#isFinished = true;
    this.#nameServedModel();
    if (this.#translated.isStreaming) this.#call.reply.end(content);
    else
      this.#call.reply.send(content, contentType ? { ...this.#headers, 'content-type': contentType } : this.#headers);
  }

  /** Tells the caller of a failure: by status while nothing was sent, else by the stream's last event. */
  fail(error: ApiError): void {
    this.#isFinished = true;
    if (!this.#call.reply.isOpen) throw error;
    this.#call.reply.end(this.#unsent + this.#answer.error(error, this.#firstCall.tally.usageMetadata()));
  }

  /** Ends what was aborted: at shutdown the caller is still there and is told. */
  cut(): void {
    this.outcome = this.abortedBy === 'client' ? 'cancelled' : 'failed';
    if (this.abortedBy === 'client') return;
    const message = 'The gateway was stopped before the answer was complete.';
    this.fail(new ApiError(503, 'shutting_down', message, { retryAfterMs: 1000 }));
  }

  /** Its caller has left, and that was told; its call goes on. */
  get hasLeft(): boolean {
    return this.#left !== null;
  }

  abort(by: RequestAborted['by']): void {
    if (this.#isFinished || (by === 'client' && this.#drain())) return;
    this.abortedBy ??= by;
    for (const call of this.calls) call.abort();
    for (const listener of this.#goneListeners) listener();
  }

  /** Lets the call of a caller who left go on to its end, if that may be. */
  #drain(): boolean {
    if (this.hasLeft) return true;
    const isUnderWay = this.#lastKeyId !== null && this.calls.length === 1;
    if (!isUnderWay || this.#translated.isStreaming) return false;
    const end = this.#parts.drains.begin(() => this.abort('deadline'));
    if (!end) return false;
    this.#firstCall.tally.assumePromptSpent();
    const ending = this.ending(this.#lastKeyId ?? '', { hasFailed: false });
    this.#left = { ending: { ...ending, attempt: ending.attempt + 1 }, end };
    this.onLeft(this.#left.ending);
    return true;
  }

  /** What is known more than was told when its caller left; null for nothing. */
  adjustment(): Adjustment | null {
    if (!this.#left) return null;
    const { ending: told, end } = this.#left;
    end();
    this.abortedBy ??= 'client';
    const { tally } = this.#firstCall;
    const usage = tally.usage();
    const difference = sumUsage(usage, negated(told.usage));
    const charge = this.chargeOf(this.#firstCall, usage);
    const costPico = BigInt(charge?.costPico ?? 0) - BigInt(told.charge?.costPico ?? 0);
    if (difference.totalTokens === 0 && costPico === 0n) return null;
    const settlements = this.#admission?.adjust(this.#spent(usage, charge, false)) ?? [];
    return {
      startedAt: this.#acceptedAt,
      upstreamKeyId: told.upstreamKeyId,
      usage: difference,
      usageSource: tally.usageSource(tally.finishReason !== undefined),
      ...(charge && { charge: { costPico: String(costPico), priceId: charge.priceId } }),
      ...(settlements.length > 0 && { settlements }),
    };
  }

  /** What it has used so far, as far as no event tells it. */
  seenUsage(): SeenUsage | null {
    if (this.calls.length > 1 || this.hasLeft) return null;
    const usage = this.#firstCall.tally.usage();
    if (usage.totalTokens === 0) return null;
    const charge = this.chargeOf(this.#firstCall, usage);
    return { requestId: this.#call.requestId, usage, ...(charge && { charge }) };
  }

  get #firstCall(): PendingCall {
    return (this.answered[0] ?? this.calls[0]) as PendingCall;
  }

  #createAnswer(): Answer {
    const { randomId } = this.#parts;
    const now = () => Math.floor(this.#parts.now() / 1000);
    return this.#translated.createAnswer({ created: now(), now, randomId });
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }
}

const leastCertainFirst = ['unknown', 'estimated', 'last-seen', 'upstream'] as const satisfies readonly UsageSource[];

/** What several calls used, in Gemini's words, for the one answer they make. */
function sumOfCalls(calls: readonly PendingCall[]): UsageMetadata {
  const used = calls.map(({ tally }) => tally.usage()).reduce(sumUsage, noUsage);
  return {
    promptTokenCount: used.inputTokens,
    cachedContentTokenCount: used.cachedInputTokens,
    candidatesTokenCount: used.outputTokens - used.reasoningTokens,
    thoughtsTokenCount: used.reasoningTokens,
    totalTokenCount: used.totalTokens,
    promptTokensDetails: calls.flatMap(({ tally }) => tally.usageMetadata().promptTokensDetails ?? []),
  };
}

/** Whether the answer ends with a finish reason. */
function isGeneration({ calls }: TranslatedRequest): boolean {
  const action = calls[0]?.action;
  return action === 'generateContent' || action === 'streamGenerateContent';
}

/** Google tells the tier that served an answer beside its tokens, or in a header. */
function withTier(call: PendingCall): UsageMetadata {
  const usage = call.tally.usageMetadata();
  const { serviceTier } = call;
  return serviceTier ? { ...usage, serviceTier } : usage;
}
