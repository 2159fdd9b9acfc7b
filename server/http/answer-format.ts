import type { Middleware } from 'koa';
import { mayUse } from '../clients/clients.ts';
import type { IdempotencyKeys } from '../clients/idempotency.ts';
import type { ClientFormat } from '../formats/format.ts';
import type { Relay } from '../relay/relay.ts';
import { claimIdempotency } from './claim-idempotency.ts';
import { HttpReply } from './http-reply.ts';
import { type ParsedBody, readJson } from './read-json.ts';
import { readMultipart } from './read-multipart.ts';
import { recordUnread } from './record-unread.ts';
import { sessionOf } from './session-of.ts';

const bodyBytesMax = 100_000_000;

export interface AnswerParts {
  relay: Relay;
  idempotencyKeys: IdempotencyKeys;
  /** Silence after which a stream gets a comment line. */
  heartbeatMs: number;
}

/** An endpoint that answers one client format: read the body, hand it to the relay, and let that write the answer. */
export function answerFormat(format: ClientFormat, { relay, idempotencyKeys, heartbeatMs }: AnswerParts): Middleware {
  return async function answerCall(ctx) {
    const readBody = format.takesForm ? readMultipart : readJson;
    let read: ParsedBody;
    try {
      read = await readBody(ctx.req, bodyBytesMax);
    } catch (error) {
      await recordUnread(ctx, relay, { format: format.name, model: ctx.state.pathModel ?? '' }, error);
      throw error;
    }
    const claimed = claimIdempotency(ctx, idempotencyKeys, () => JSON.stringify([ctx.path, read.value]));
    // The relay writes to the response itself; an error before its first byte comes back here as an ordinary answer.
    ctx.respond = false;
    const reply = new HttpReply(ctx.res, ctx.state.headers, heartbeatMs);
    if (claimed && 'replay' in claimed) {
      reply.send(claimed.replay.content, { ...claimed.replay.headers, 'idempotent-replayed': 'true' });
      return;
    }
    if (claimed) reply.keep = claimed.claim.answered;
    try {
      await relay.answer({
        requestId: ctx.state.requestId,
        clientRequestId: ctx.state.clientRequestId,
        clientKeyId: ctx.state.client.id,
        session: sessionOf(ctx.req),
        format,
        body: withModel(read.value, ctx.state.pathModel),
        bodyBytes: read.bytes,
        reply,
        mayUse: (...names) => mayUse(ctx.state.client, ...names),
        admit: ctx.state.admit,
        idempotency: claimed?.claim,
      });
    } finally {
      claimed?.claim.end();
    }
  };
}

/** The body with the model that an Azure path names, unless it names one itself. */
function withModel(body: unknown, model: string | undefined): unknown {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  return model === undefined || !isObject || 'model' in body ? body : { ...body, model };
}
