import type { NewEvent, RequestAccepted, TokenUsage, UsageEventBody } from '../../server/ledger/events.ts';
import { seededRandom } from '../simulate/pool/seeded-random.ts';

interface HistoryOptions {
  seed: number;
  /** About so many; the last requests are told to their end. */
  events: number;
  /** When the first one happened, ms since 1970. */
  startMs: number;
  /** From the first to the last. */
  spanMs: number;
}

const models = ['gemini-3.8-flash', 'gemini-2.5-pro', 'gemini-9-unpriced'];
const formats = ['openai-chat', 'anthropic-messages', 'gemini'];

/** A history of requests of all kinds, some with several calls, failed tries, reservations, or truths that came late. The same for a seed. */
export function* randomHistory({ seed, events, startMs, spanMs }: HistoryOptions): Generator<NewEvent> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <Item>(items: readonly Item[]) => items[below(items.length)] as Item;
  const usage = (): TokenUsage => {
    const [inputTokens, outputTokens] = [below(5000), below(2000)];
    const cachedInputTokens = below(2) * below(inputTokens + 1);
    const counts = { inputTokens, cachedInputTokens, outputTokens, reasoningTokens: below(outputTokens + 1) };
    return { ...counts, totalTokens: inputTokens + outputTokens };
  };
  const charge = (used: TokenUsage, model: string) =>
    model === 'gemini-9-unpriced'
      ? {}
      : { charge: { costPico: String(used.totalTokens * 750), priceId: `${model}@1` } };

  let told = 0;
  for (let number = 0; told < events; number++) {
    const at = startMs + Math.floor((told / events) * spanMs);
    for (const body of oneRequest(number)) {
      yield { body, occurredAt: at + below(50) };
      told++;
    }
  }

  function* oneRequest(number: number): Generator<UsageEventBody> {
    const requestId = `req_${seed}_${number}`;
    const model = pick(models);
    const client = below(4);
    // A client's program speaks one format.
    const format = formats[client % formats.length] as string;
    const base = { requestId, clientKeyId: `ck_${client}`, format, requestedModel: model };
    if (below(20) === 0) {
      yield { type: 'RequestRejected', ...base, httpStatus: 400, code: 'invalid_value', message: 'no' };
      return;
    }
    const upstreamKeyId = `uk_${below(6)}`;
    const amount = 10_000;
    const periodStart = 0;
    const isLimited = below(3) === 0;
    const budgetId = `${base.clientKeyId}/TOKENS`;
    const accepted: RequestAccepted = {
      type: 'RequestAccepted',
      ...base,
      model,
      isStreaming: below(2) === 0,
      upstreamKeyId,
      bodyBytes: below(10_000),
      promptTokens: below(5000),
      ...(isLimited && {
        reservations: [{ budgetId, unit: 'TOKENS', periodStart, amount: String(amount), strictLimit: null }],
      }),
    };
    yield accepted;
    let attempt = 1;
    for (; attempt < 3 && below(8) === 0; attempt++) {
      const used = usage();
      const failed = { requestId, attempt, upstreamKeyId: `uk_${below(6)}`, failure: 'transient', httpStatus: 503 };
      const spent = below(2) === 0 ? { usage: used, ...charge(used, model) } : {};
      yield { type: 'AttemptFailed', ...failed, durationMs: below(500), ...spent };
    }
    const used = usage();
    const ending = {
      requestId,
      attempt,
      upstreamKeyId,
      durationMs: below(30_000),
      timeToFirstTokenMs: below(3000),
      servedModel: model,
      usage: used,
      usageSource: below(10) === 0 ? ('estimated' as const) : ('upstream' as const),
      ...charge(used, model),
      ...(isLimited && {
        settlements: [{ budgetId, periodStart, reserved: String(amount), spent: String(used.totalTokens) }],
      }),
    };
    const end = below(10);
    if (end > 1) yield { type: 'RequestCompleted', ...ending, httpStatus: 200, finishReason: 'STOP' };
    else if (end === 1) {
      const error = { httpStatus: 503, code: 'model_overloaded', message: 'busy', upstreamStatus: 503 };
      yield { type: 'RequestFailed', ...ending, ...error };
    } else yield* cancelled(ending);

    function* cancelled(told: typeof ending): Generator<UsageEventBody> {
      yield { type: 'RequestAborted', ...told, by: 'client' };
      if (below(2) === 0) return;
      const more = { ...usage(), modalities: { input: { AUDIO: 5 } } };
      yield {
        type: 'UsageAdjusted',
        ...base,
        reason: 'drained',
        startedAt: startMs,
        upstreamKeyId,
        outcome: 'CANCELLED',
        usage: more,
        usageSource: 'upstream',
        ...charge(more, model),
      };
    }
  }
}
