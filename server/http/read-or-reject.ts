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

/** Reads a known caller's request; a refusal there can be found by its request id like one of the relay. */
export async function readOrReject<Value>(
  ctx: Context,
  relay: Pick<Relay, 'reject'>,
  { format, model }: Asked,
  read: () => Promise<Value>,
): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    const { requestId, clientRequestId, client } = ctx.state;
    const facts = {
      requestId,
      ...(clientRequestId && { clientRequestId }),
      clientKeyId: client.id,
      format,
      requestedModel: model.slice(0, requestedModelCharactersMax),
    };
    // Who hung up is told nothing, and asks after nothing.
    if (!ctx.socket.destroyed) await relay.reject(facts, error);
    throw error;
  }
}
