import type { Need } from '../clients/limits/admit.ts';
import type { Admission } from '../clients/limits/limiter.ts';
import { ApiError } from '../formats/api-error.ts';
import { plainRequest } from '../formats/format.ts';
import { objectsOf } from '../gemini/parse-error.ts';
import { LedgerUnavailable } from '../ledger/commands.ts';
import type { Pick, RunResult, Wanted } from '../pool/pool.ts';
import type { Owner } from '../pool/resource-owners.ts';
import { NativeCall, type NativeRequest, usageOfInteraction } from './native-call.ts';
import type { OpenCalls } from './open-calls.ts';
import type { OpenRequest, RelayParts } from './parts.ts';
import { pickFirst } from './pick-first.ts';
import type { RecordRejection } from './rejections.ts';
import * as events from './request-events.ts';
import { requireMayUse, requireMayUseAll } from './require-may-use.ts';
import { soleOwner } from './sole-owner.ts';
import { toApiError } from './to-api-error.ts';
import { noUsage } from './token-usage.ts';

/** Passes native calls on: the same walk as a translated request, without a translation. */
export function createForwarder(parts: RelayParts, open: OpenCalls<OpenRequest>, recordRejection: RecordRejection) {
  const { ledger, pool, owners, counters, now } = parts;

  return async function forward(request: NativeRequest): Promise<void> {
    const { requestId, clientRequestId, clientKeyId, model, resources } = request;
    const facts = {
      requestId,
      ...(clientRequestId && { clientRequestId }),
      clientKeyId,
      format: 'gemini',
      requestedModel: model,
    };
    let only: string | null;
    let admission: Admission | null;
    try {
      if (model) requireMayUse(request, model);
      if (request.isFromFile) requireMayUseAll(request);
      only = soleOwner(resources, clientKeyId, parts);
      admission = request.admit?.(needOfNative(request, parts)) ?? null;
    } catch (error) {
      await recordRejection(facts, error);
      throw error;
    }
    const call = new NativeCall(request, parts);
    const wanted = {
      model,
      only,
      isUncounted: !isSpending(request.path),
      ...(parts.patienceMs > 0 && { waitUntilMs: now() + parts.patienceMs }),
    };
    open.add(call);
    let first: Pick | null = null;
    try {
      first = await pickFirst(wanted, call, parts);
      if (first === null) call.cancel();
      else await run(call, request, { wanted, first, admission }, facts);
    } catch (error) {
      if (first === null) await recordRejection(facts, error);
      throw error;
    } finally {
      open.remove(call);
      admission?.release();
      if (first) pool.release(first);
    }
  };

  /** From here on it is in the ledger. */
  async function run(
    call: NativeCall,
    request: NativeRequest,
    { wanted, first, admission }: { wanted: Wanted; first: Pick; admission: Admission | null },
    facts: events.RequestFacts,
  ): Promise<void> {
    counters.accepted();
    const startedAt = now();
    try {
      const bodyBytes = request.body?.length ?? 0;
      const accepted = { ...plainRequest, model: request.model, isStreaming: false };
      const reservations = admission?.reservations ?? [];
      const acceptance = { bodyBytes, upstreamKeyId: first.key.id, reservations };
      await ledger.append(events.accepted(facts, accepted, acceptance, startedAt));
      const result = await pool.run<null>({
        wanted,
        caller: call,
        first,
        maySwitch: () => !call.isCommitted,
        attempt: (key) => call.attempt(key),
        attemptFailed: (key, { class: failure, httpStatus }, durationMs) => {
          const event = { attempt: ++call.attemptCount, upstreamKeyId: key.id, failure, httpStatus, durationMs };
          return ledger.append(events.attemptFailed(facts, event, now()));
        },
      });
      await settle(call, { request, admission, startedAt }, facts, result);
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof LedgerUnavailable))
        await settleAfterFault(call, facts, first.key.id, admission);
      throw error;
    } finally {
      counters.ended(call.outcome, 0, null);
    }
  }

  async function settle(
    call: NativeCall,
    { request, admission, startedAt }: { request: NativeRequest; admission: Admission | null; startedAt: number },
    facts: events.RequestFacts,
    result: RunResult<null>,
  ): Promise<void> {
    const answer = call.json;
    // Reading an interaction again does not spend its tokens again.
    const usage = (request.method === 'POST' ? usageOfInteraction(answer) : noUsage) ?? noUsage;
    const isTold = usage.totalTokens > 0;
    const charge = parts.prices.charge({ servedModel: null, model: request.model, usage, startedAt });
    const settlements = admission?.settle({ usage, charge, hasFailed: result.kind === 'failed' }) ?? [];
    const ending: events.Ending = {
      attempt: ++call.attemptCount,
      upstreamKeyId: result.key.id,
      durationMs: call.elapsedMs(),
      timeToFirstTokenMs: null,
      servedModel: request.model || null,
      usage,
      // What a batch or a film costs no answer tells, and a streamed interaction is not looked into.
      usageSource: isTold || !isSpending(request.path) || request.method !== 'POST' ? 'upstream' : 'unknown',
      ...(charge && { charge }),
      ...(settlements.length > 0 && { settlements }),
    };
    if (result.kind === 'aborted') {
      await ledger.append(events.aborted(facts, ending, call.abortedBy ?? 'client', now()));
      call.cancel();
    } else if (result.kind === 'failed') {
      const error = toApiError(result.failure, result.others, request, parts);
      await ledger.append(events.failed(facts, ending, error, result.failure.httpStatus, now()));
      call.fail(error);
    } else {
      const owner = { upstreamKeyId: result.key.id, clientKeyId: request.clientKeyId };
      const headers = await noteResources(call, request, answer, owner);
      await ledger.append(events.completed(facts, ending, 'STOP', now()));
      call.finish(headers);
    }
  }

  /** A mistake of ours leaves no request open. Refused by the ledger when it had its terminal event already. */
  async function settleAfterFault(
    call: NativeCall,
    facts: events.RequestFacts,
    upstreamKeyId: string,
    admission: Admission | null,
  ): Promise<void> {
    const settlements = admission?.settle({ usage: noUsage, charge: undefined, hasFailed: true }) ?? [];
    const fault = new ApiError(500, 'internal_error', 'The gateway failed.');
    const ending: events.Ending = {
      attempt: call.attemptCount,
      upstreamKeyId,
      durationMs: call.elapsedMs(),
      timeToFirstTokenMs: null,
      servedModel: null,
      usage: noUsage,
      usageSource: 'unknown',
      ...(settlements.length > 0 && { settlements }),
    };
    await ledger.append(events.failed(facts, ending, fault, null, now())).catch(() => {});
  }

  /** Remembers what was made and forgets what was deleted. @returns the headers for the caller. */
  async function noteResources(
    call: NativeCall,
    request: NativeRequest,
    answer: Record<string, unknown> | null,
    owner: Owner,
  ): Promise<Record<string, string>> {
    const headers = { ...call.head?.headers };
    if (request.method === 'DELETE') {
      if (request.deletes) await owners.remove(request.deletes);
      return headers;
    }
    for (const name of [...madeIn(answer, request.path), ...resultsIn(answer)])
      if (!owners.find(name)) await owners.add(name, owner);
    const { 'x-goog-upload-url': uploadUrl = '', ...others } = headers;
    if (!URL.canParse(uploadUrl)) return others;
    for (const upload of uploadsIn(uploadUrl)) await owners.add(upload, owner);
    return { ...others, 'x-goog-upload-url': request.reply.ownUrl(uploadUrl) };
  }
}

/** What a call may need that is passed on unread: nobody knows how much, unless it makes no model work. */
function needOfNative({ path, model, body }: NativeRequest, { prices, now }: RelayParts): Need {
  const isFree = !isSpending(path);
  const promptTokens = isFree ? 0 : Math.ceil((body?.length ?? 0) / bytesPerToken);
  return {
    models: [model],
    promptTokens,
    promptTokensMax: promptTokens,
    outputTokensMax: isFree ? 0 : null,
    outputFactor: 1,
    costAtMost: (tokens) => (isFree ? 0n : prices.atMost(model, tokens, now())),
  };
}

const bytesPerToken = 4;

/** The names under which the uploads that an address goes on with are remembered. */
export function uploadsIn(url: string): string[] {
  const ids = URL.canParse(url, 'http://any') ? new URL(url, 'http://any').searchParams.getAll('upload_id') : [];
  return ids.map((id) => `uploads/${id}`);
}

const resourceName =
  /^(files|cachedContents|batches|fileSearchStores|operations|models\/[\w.-]+\/operations)\/[\w./-]+$/;

/** The names of resources that an answer says were made. */
function madeIn(answer: Record<string, unknown> | null, path: string): string[] {
  const file = answer?.file as { name?: unknown } | undefined;
  const names = [answer?.name, file?.name].filter(
    (name): name is string => typeof name === 'string' && resourceName.test(name),
  );
  const isInteraction = path.includes('/interactions') && typeof answer?.id === 'string';
  return isInteraction ? [...names, `interactions/${answer.id}`] : names;
}

/** The files that hold what an operation or a batch came to: read where Google alone writes, never in what a model said. */
function resultsIn(answer: Record<string, unknown> | null): string[] {
  const { responsesFile, generateVideoResponse } = (answer?.response ?? {}) as Record<string, unknown>;
  const { generatedSamples } = (generateVideoResponse ?? {}) as { generatedSamples?: unknown };
  const films = objectsOf(generatedSamples).map(({ video }) => (video as { uri?: unknown } | undefined)?.uri);
  const named = [responsesFile, ...films].filter((name) => typeof name === 'string');
  return named.flatMap((name) => fileName.exec(name)?.[1] ?? []);
}

const fileName = /(?:^|\/)(files\/[\w-]+)(?::|$)/;

/** Whether a call makes a model work. */
function isSpending(path: string): boolean {
  return /\/(interactions|models)\b/.test(path);
}
