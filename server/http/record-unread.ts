import type { Context } from 'koa';
import type { Relay } from '../relay/relay.ts';
import { requestedModelCharactersMax } from '../relay/request-events.ts';

/** As what a request is taken down whose body may never be known. */
interface Asked {
  /** The client format's name. */
  format: string;
  /** As the path names it; '' when it does not. */
  model: string;
}

/** Takes down why a known caller's request could not be read: that can be found by its request id like a refusal of the relay. */
export async function recordUnread(
  ctx: Context,
  relay: Pick<Relay, 'reject'>,
  { format, model }: Asked,
  error: unknown,
): Promise<void> {
  // Who hung up is told nothing, and asks after nothing.
  if (ctx.socket.destroyed) return;
  const { requestId, clientRequestId, client } = ctx.state;
  const facts = {
    requestId,
    ...(clientRequestId && { clientRequestId }),
    clientKeyId: client.id,
    format,
    requestedModel: model.slice(0, requestedModelCharactersMax),
  };
  await relay.reject(facts, error);
}
