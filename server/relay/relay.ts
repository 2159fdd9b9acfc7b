import type { Admission } from '../clients/limits/limiter.ts';
import { ApiError, invalidRequest } from '../formats/api-error.ts';
import type { TranslatedRequest } from '../formats/format.ts';
import { strangeAnswer } from '../gemini/gemini-client.ts';
import { LedgerUnavailable } from '../ledger/commands.ts';
import type { SeenUsage } from '../ledger/ledger-commands.ts';
import type { Pick, Wanted } from '../pool/pool.ts';
import { conversationOf } from './conversation.ts';
import { Exchange } from './exchange.ts';
import { fetchDownloads } from './fetch-downloads.ts';
import { createForwarder } from './forwarder.ts';
import type { NativeRequest } from './native-call.ts';
import { limitOutput, needOf } from './need.ts';
import { createOpenCalls } from './open-calls.ts';
import { listOwnResources, type ResourcePage } from './own-resources.ts';
import type { Call, OpenRequest, RelayParts } from './parts.ts';
import { withoutRefused, writeOut } from './pending-call.ts';
import { pickFirst } from './pick-first.ts';
import { promptTokens } from './prompt-tokens.ts';
import { refuseIgnored } from './refuse-ignored.ts';
import { createRejections, type RecordRejection } from './rejections.ts';
import * as events from './request-events.ts';
import { requireMayUse } from './require-may-use.ts';
import { type CallResult, runCalls } from './run-calls.ts';
import { soleOwner } from './sole-owner.ts';
import { toApiError } from './to-api-error.ts';

export interface Relay {
  /**
   * Answers one call from the pool.
   * @throws ApiError when nothing was sent yet; later failures end the stream with an error event.
   */
  answer(call: Call): Promise<void>;
  /** Passes a native client's call on. @throws ApiError when nothing was sent yet. */
  forward(request: NativeRequest): Promise<void>;
  /** Takes down that a known caller's request was refused before it came here. */
  reject: RecordRejection;
  /** The files and the like that a client made, page by page. */
  listOwnResources(
    which: { clientKeyId: string; version: string; collection: string },
    page: { start: number; size: number },
  ): Promise<ResourcePage>;
  /** Number of calls that are being answered. */
  openCalls(): number;
  /** What the open calls have used so far. */
  seenUsage(): SeenUsage[];
  /** Ends every open call, settled at what is known. For the end of the shutdown's grace. */
  abortAll(): void;
}

/** THE CONDUCTOR: `answer` reads top to bottom as the walk of a request. */
export function createRelay(parts: RelayParts): Relay {
  const { ledger, pool, counters, now } = parts;
  const open = createOpenCalls<OpenRequest>();
  const recordRejection = createRejections(parts);
  const forward = createForwarder(parts, open, recordRejection);

  async function answer(call: Call): Promise<void> {
    const facts = factsOf(call);
    let translated: TranslatedRequest;
    let written: (string | Buffer)[];
    let only: string | null;
    let tokens: number;
    let admission: Admission | null = null;
    let exchange: Exchange;
    try {
      const ownsFile = (name: string) => parts.owners.find(name)?.clientKeyId === call.clientKeyId;
      const context = { ...parts.translation, responses: parts.responses.of(call.clientKeyId), ownsFile };
      translated = withinStack(() => call.format.toGemini(call.body, context));
      const { model } = translated;
      translated.calls = translated.calls.map((upstream) => withoutRefused(upstream, model, parts));
      requireMayUse(call, translated.requestedModel, translated.model);
      if (parts.isStrict) refuseIgnored(translated.ignoredParams);
      if (translated.downloads.length > 0) await fetchDownloads(translated.downloads, parts.media, call.reply);
      // Before it is accepted, because this too can fail.
      written = withinStack(() => translated.calls.map(writeOut));
      only = soleOwner(translated.resources, call.clientKeyId, parts);
      tokens = promptTokens(translated, call.bodyBytes);
      admission = call.admit && admit(call.admit, translated, written, tokens);
      if (admission?.outputTokensMax != null) {
        translated.calls = limitOutput(translated.calls, admission.outputTokensMax);
        written = translated.calls.map(writeOut);
      }
      exchange = new Exchange(call, translated, { written, promptTokens: tokens, admission }, parts);
    } catch (error) {
      admission?.release();
      // Who hung up while media was fetched is told nothing, and nothing was spent.
      if (call.reply.isGone) return;
      await recordRejection(facts, error);
      throw error;
    }

    const wanted = {
      model: translated.model,
      only,
      tokens,
      isUncounted: translated.calls.every(({ action }) => action === 'countTokens'),
      conversation: conversationOf(call, translated),
      ...(parts.patienceMs > 0 && { waitUntilMs: now() + parts.patienceMs }),
    };
    open.add(exchange);
    let first: Pick | null = null;
    try {
      const picking = pickFirst(wanted, exchange, parts);
      first = picking instanceof Promise ? await picking : picking;
      if (first === null) exchange.cut();
      else await run(exchange, translated, { wanted, first }, facts);
    } catch (error) {
      if (first !== null || !(error instanceof ApiError)) throw error;
      await recordRejection(facts, error);
      exchange.fail(error);
    } finally {
      open.remove(exchange);
      exchange.releaseAdmission();
      if (first) pool.release(first);
      call.reply.cancelStream();
    }
  }

  /** What the caller's limits say. @throws ApiError 429 */
  function admit(
    decide: NonNullable<Call['admit']>,
    translated: TranslatedRequest,
    written: readonly (string | Buffer)[],
    tokens: number,
  ): Admission {
    const writtenBytes = written.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
    return decide(needOf(translated, { promptTokens: tokens, writtenBytes }, parts));
  }

  /** From here on it is in the ledger. */
  async function run(
    exchange: Exchange,
    translated: TranslatedRequest,
    { wanted, first }: { wanted: Wanted; first: Pick },
    facts: events.RequestFacts,
  ): Promise<void> {
    counters.accepted();
    try {
      await ledger.append(events.accepted(facts, translated, exchange.acceptance(first.key.id), now()));
      exchange.wasAccepted();
      let told: Promise<void> | null = null;
      exchange.onLeft = (ending) => {
        told = ledger.append(events.aborted(facts, ending, 'client', now()));
        // Whether it could be told is seen below.
        told.catch(() => {});
      };
      const results = await runCalls(exchange, { wanted, first }, facts, parts);
      if (told) await tellMore(exchange, facts, told);
      else await settle(exchange, facts, results);
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof LedgerUnavailable))
        await settleAfterFault(exchange, facts, first.key.id);
      throw error;
    } finally {
      counters.ended(exchange.outcome, exchange.usage.totalTokens, exchange.timeToFirstTokenMs);
    }
  }

  /** The terminal event first, then the last byte. */
  async function settle(exchange: Exchange, facts: events.RequestFacts, results: CallResult[]): Promise<void> {
    exchange.answered = results.filter(({ kind }) => kind === 'answered').map(({ call }) => call);
    const last = decisiveResult(results, exchange.needsAll);
    if (exchange.abortedBy || results.some(({ kind }) => kind === 'aborted')) {
      const by = exchange.abortedBy ?? 'client';
      await ledger.append(
        events.aborted(facts, exchange.ending(last.keyId, { hasFailed: by !== 'client' }), by, now()),
      );
      exchange.cut();
      return;
    }
    if (last.kind === 'failed') {
      const error = toApiError(
        last.failure,
        last.others,
        { model: facts.requestedModel, body: exchange.clientBody },
        parts,
      );
      const isRefused = (last.failure.httpStatus ?? 0) >= 400;
      const ending = exchange.ending(last.keyId, { hasFailed: true, isRefused });
      await ledger.append(events.failed(facts, ending, error, last.failure.httpStatus, now()));
      exchange.fail(error);
      return;
    }
    const closed = closeAnswer(exchange);
    const ending = exchange.ending(last.keyId, { hasFailed: closed instanceof ApiError });
    if (closed instanceof ApiError) {
      await ledger.append(events.failed(facts, ending, closed, 200, now()));
      exchange.fail(closed);
    } else {
      await ledger.append(events.completed(facts, ending, exchange.finishReason, now()));
      exchange.finish(closed);
    }
  }

  /** Its caller left while its call went on: what that came to. */
  async function tellMore(exchange: Exchange, facts: events.RequestFacts, told: Promise<void>): Promise<void> {
    const more = exchange.adjustment();
    await told;
    if (more) await ledger.append(events.adjusted(facts, more, now()));
    exchange.cut();
  }

  /** A mistake of ours leaves no request open: it fails, with what is known. */
  async function settleAfterFault(exchange: Exchange, facts: events.RequestFacts, keyId: string): Promise<void> {
    const fault = new ApiError(500, 'internal_error', 'The gateway failed.');
    // Refused by the ledger when the request had its terminal event already.
    await ledger
      .append(events.failed(facts, exchange.ending(keyId, { hasFailed: true }), fault, null, now()))
      .catch(() => {});
  }

  return {
    answer,
    forward,
    reject: recordRejection,
    listOwnResources: (which, page) => listOwnResources(which, page, parts),
    openCalls: open.count,
    seenUsage: () => open.all().flatMap((request) => request.seenUsage() ?? []),
    abortAll() {
      for (const request of open.all()) request.abort('shutdown');
    },
  };
}

/** The call that decides what a request comes to: a failed one where all are needed or none was answered, else the last answer. */
function decisiveResult(results: readonly CallResult[], needsAll: boolean): CallResult {
  const failed = results.find(({ kind }) => kind === 'failed');
  const answered = results.findLast(({ kind }) => kind === 'answered');
  return ((needsAll && failed) || answered || failed || results[0]) as CallResult;
}

/** What came may be no answer in the caller's terms, or of no shape that can be read: then it is an error, although it was spent. */
function closeAnswer(exchange: Exchange) {
  try {
    return exchange.close();
  } catch (error) {
    return error instanceof ApiError ? error : new ApiError(502, 'upstream_error', strangeAnswer);
  }
}

/** Some thousand levels exhaust the stack of whatever walks through them; that is the caller's doing. */
function withinStack<Value>(walk: () => Value): Value {
  try {
    return walk();
  } catch (error) {
    throw error instanceof RangeError ? tooDeep() : error;
  }
}

function tooDeep(): ApiError {
  return invalidRequest('The body is nested too deeply.', null);
}

function factsOf(call: Call): events.RequestFacts {
  const model = (call.body as { model?: unknown } | null)?.model;
  return {
    requestId: call.requestId,
    ...(call.clientRequestId && { clientRequestId: call.clientRequestId }),
    clientKeyId: call.clientKeyId,
    format: call.format.name,
    requestedModel: typeof model === 'string' ? model.slice(0, events.requestedModelCharactersMax) : '',
  };
}
