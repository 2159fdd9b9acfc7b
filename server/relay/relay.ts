import { ApiError, invalidRequest } from '../formats/api-error.ts';
import type { ClientFormat, TranslatedRequest } from '../formats/format.ts';
import type { GeminiClient } from '../gemini/gemini-client.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Pool, RunResult } from '../pool/pool.ts';
import type { SignatureStore } from '../signatures/signature-store.ts';
import { Exchange } from './exchange.ts';
import type { LiveCounters } from './live-counters.ts';
import type { ModelCatalog } from './model-catalog.ts';
import { createOpenCalls } from './open-calls.ts';
import { createRejectionLimit } from './rejection-limit.ts';
import type { Reply } from './reply.ts';
import * as events from './request-events.ts';
import { noKeyError, toApiError } from './to-api-error.ts';

/** One call of one client, as the edge hands it over. */
export interface Call {
  requestId: string;
  clientKeyId: string;
  format: ClientFormat;
  body: unknown;
  bodyBytes: number;
  reply: Reply;
}

export interface Relay {
  /**
   * Answers one call from the pool.
   * @throws ApiError when nothing was sent yet; later failures end the stream with an error event.
   */
  answer(call: Call): Promise<void>;
  /** Number of calls that are being answered. */
  openCalls(): number;
  /** Ends every open call, settled at what is known. For the end of the shutdown's grace. */
  abortAll(): void;
}

export interface RelayParts {
  ledger: Pick<Ledger, 'append'>;
  pool: Pool;
  gemini: GeminiClient;
  signatures: SignatureStore;
  models: ModelCatalog;
  counters: LiveCounters;
  /** Wall clock, ms since 1970. */
  now(): number;
  randomId(length: number): string;
}

/** THE CONDUCTOR: `answer` reads top to bottom as the walk of a request. */
export function createRelay(parts: RelayParts): Relay {
  const { ledger, pool, counters, now } = parts;
  const open = createOpenCalls<Exchange>();
  const mayRecordRejection = createRejectionLimit();

  async function answer(call: Call): Promise<void> {
    const facts = factsOf(call);
    let translated: TranslatedRequest;
    let first: ReturnType<Pool['choose']>;
    try {
      translated = translate(call, parts);
      first = pool.choose(translated.model);
      if (!('key' in first)) throw noKeyError(first, translated.model, now());
    } catch (error) {
      await recordRejection(facts, error);
      throw error;
    }

    const exchange = new Exchange(call, translated, parts);
    open.add(exchange);
    counters.accepted();
    try {
      const more = { model: translated.model, isStreaming: translated.isStreaming, bodyBytes: call.bodyBytes };
      await ledger.append(events.accepted(facts, { ...more, upstreamKeyId: first.key.id }, now()));
      const result = await pool.run({
        model: translated.model,
        first: first.key,
        maySwitch: () => !exchange.isCommitted,
        isGone: () => exchange.abortedBy !== null,
        attempt: (key, repair) => exchange.attempt(key, repair),
        attemptFailed: (key, number, failure, durationMs) =>
          ledger.append(
            events.attemptFailed(
              facts,
              {
                attempt: number,
                upstreamKeyId: key.id,
                failure: failure.class,
                httpStatus: failure.httpStatus,
                durationMs,
              },
              now(),
            ),
          ),
      });
      await settle(exchange, facts, result);
    } finally {
      open.remove(exchange);
      counters.ended(exchange.outcome, exchange.usage.totalTokens, exchange.timeToFirstTokenMs);
      call.reply.cancelStream();
    }
  }

  /** The terminal event first, then the last byte. */
  async function settle(exchange: Exchange, facts: events.RequestFacts, result: RunResult<null>): Promise<void> {
    const ending = exchange.ending(result.number, result.key.id);
    if (result.kind === 'answered') {
      const rest = exchange.closingText();
      await ledger.append(events.completed(facts, ending, exchange.finishReason, now()));
      exchange.finish(rest);
    } else if (result.kind === 'aborted') {
      await ledger.append(events.aborted(facts, ending, exchange.abortedBy ?? 'client', now()));
      exchange.cut();
    } else {
      const error = toApiError(result.failure, result.others, facts.requestedModel, now());
      const more = {
        httpStatus: error.status,
        code: error.code,
        message: error.message,
        upstreamStatus: result.failure.httpStatus,
      };
      await ledger.append(events.failed(facts, ending, more, now()));
      exchange.fail(error);
    }
  }

  /** A known caller's refusal can be found by its request id; beyond the cap it is only counted. */
  async function recordRejection(facts: events.RequestFacts, error: unknown): Promise<void> {
    counters.rejected();
    if (!(error instanceof ApiError) || !mayRecordRejection(facts.clientKeyId, now())) return;
    const { status: httpStatus, code, message } = error;
    await ledger.append(events.rejected(facts, { httpStatus, code, message }, now()));
  }

  return {
    answer,
    openCalls: open.count,
    abortAll() {
      for (const exchange of open.all()) exchange.abort('shutdown');
    },
  };
}

function translate(call: Call, parts: RelayParts): TranslatedRequest {
  try {
    return call.format.toGemini(call.body, {
      outputTokenLimit: (model) => parts.models.outputTokenLimit(model),
      signatureOf: (toolCallId) => parts.signatures.get(toolCallId),
    });
  } catch (error) {
    // A body nested some thousand levels deep exhausts the stack; that is the caller's doing.
    if (error instanceof RangeError) throw invalidRequest('The body is nested too deeply.', null);
    throw error;
  }
}

function factsOf(call: Call): events.RequestFacts {
  const model = (call.body as { model?: unknown } | null)?.model;
  return {
    requestId: call.requestId,
    clientKeyId: call.clientKeyId,
    format: call.format.name,
    requestedModel: typeof model === 'string' ? model.slice(0, requestedModelCharactersMax) : '',
  };
}

const requestedModelCharactersMax = 200;
