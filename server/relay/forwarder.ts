import { plainRequest } from '../formats/format.ts';
import type { RunResult } from '../pool/pool.ts';
import type { Owner } from '../pool/resource-owners.ts';
import { noUsage } from './exchange.ts';
import { NativeCall, type NativeRequest, usageOfInteraction } from './native-call.ts';
import type { OpenCalls } from './open-calls.ts';
import type { OpenRequest, RelayParts } from './relay.ts';
import * as events from './request-events.ts';
import { requireMayUse } from './require-may-use.ts';
import { soleOwner } from './sole-owner.ts';
import { noKeyError, toApiError } from './to-api-error.ts';

/** Passes native calls on: the same walk as a translated request, without a translation. */
export function createForwarder(parts: RelayParts, open: OpenCalls<OpenRequest>) {
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
    if (model) requireMayUse(request, model);
    const only = soleOwner(resources, clientKeyId, parts);
    const choice = pool.choose(model, only);
    if (!('key' in choice)) throw noKeyError(choice, model, parts);
    const call = new NativeCall(request, parts);
    open.add(call);
    counters.accepted();
    try {
      const bodyBytes = request.body?.length ?? 0;
      const accepted = { ...plainRequest, model, isStreaming: false };
      await ledger.append(events.accepted(facts, accepted, bodyBytes, choice.key.id, now()));
      const result = await pool.run<null>({
        model,
        only,
        first: choice.key,
        maySwitch: () => !call.isCommitted,
        isGone: () => call.abortedBy !== null,
        attempt: (key) => call.attempt(key),
        attemptFailed: (key, { class: failure, httpStatus }, durationMs) => {
          const event = { attempt: ++call.attemptCount, upstreamKeyId: key.id, failure, httpStatus, durationMs };
          return ledger.append(events.attemptFailed(facts, event, now()));
        },
      });
      await settle(call, request, facts, result);
    } finally {
      open.remove(call);
      counters.ended(call.outcome, 0, null);
    }
  };

  async function settle(
    call: NativeCall,
    request: NativeRequest,
    facts: events.RequestFacts,
    result: RunResult<null>,
  ): Promise<void> {
    const answer = call.json;
    // Reading an interaction again does not spend its tokens again.
    const usage = request.method === 'POST' ? usageOfInteraction(answer) : noUsage;
    const ending: events.Ending = {
      attempt: ++call.attemptCount,
      upstreamKeyId: result.key.id,
      durationMs: call.elapsedMs(),
      timeToFirstTokenMs: null,
      servedModel: request.model || null,
      usage: usage ?? noUsage,
      // Only an interaction costs tokens; a streamed one is not looked into.
      usageSource: usage || !request.path.includes('/interactions') ? 'upstream' : 'unknown',
    };
    if (result.kind === 'aborted') {
      await ledger.append(events.aborted(facts, ending, call.abortedBy ?? 'client', now()));
      call.cancel();
    } else if (result.kind === 'failed') {
      const error = toApiError(result.failure, result.others, request.model, parts);
      await ledger.append(events.failed(facts, ending, error, result.failure.httpStatus, now()));
      call.fail(error);
    } else {
      const owner = { upstreamKeyId: result.key.id, clientKeyId: request.clientKeyId };
      const headers = await noteResources(call, request, answer, owner);
      await ledger.append(events.completed(facts, ending, 'STOP', now()));
      call.finish(headers);
    }
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
      for (const name of request.resources) await owners.remove(name);
      return headers;
    }
    for (const name of madeIn(answer, request.path)) if (!owners.find(name)) await owners.add(name, owner);
    const uploadUrl = headers['x-goog-upload-url'];
    if (!uploadUrl) return headers;
    const upload = uploadIn(uploadUrl);
    if (upload) await owners.add(upload, owner);
    return { ...headers, 'x-goog-upload-url': request.reply.ownUrl(uploadUrl) };
  }
}

/** The name under which an upload that goes on is remembered; null for an address without one. */
export function uploadIn(url: string): string | null {
  const id = URL.canParse(url, 'http://any') ? new URL(url, 'http://any').searchParams.get('upload_id') : null;
  return id && `uploads/${id}`;
}

const resourceName = /^(files|cachedContents|batches|fileSearchStores|operations)\/[\w./-]+$/;

/** The names of resources that an answer says were made. */
function madeIn(answer: Record<string, unknown> | null, path: string): string[] {
  const file = answer?.file as { name?: unknown } | undefined;
  const names = [answer?.name, file?.name].filter(
    (name): name is string => typeof name === 'string' && resourceName.test(name),
  );
  const isInteraction = path.includes('/interactions') && typeof answer?.id === 'string';
  return isInteraction ? [...names, `interactions/${answer.id}`] : names;
}
