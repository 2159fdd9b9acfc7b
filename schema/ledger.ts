import { builder } from './builder.ts';
import type { LedgerEntry } from './context.ts';
import { connectionOf, pageSize } from './page.ts';
import { RequestType } from './request.ts';

const UsageEventType = builder.objectRef<LedgerEntry>('UsageEvent').implement({
  description: 'A row of the append-only ledger.',
  fields: (t) => ({
    position: t.field({ type: 'SafeInt', description: 'Its gapless number.', resolve: ({ position }) => position }),
    eventId: t.exposeID('eventId', { description: 'Unique everywhere.' }),
    type: t.string({ description: 'What happened.', resolve: ({ body }) => body.type }),
    requestId: t.id({
      nullable: true,
      description: 'The request it belongs to.',
      resolve: ({ body }) => ('requestId' in body ? body.requestId : null),
    }),
    recordedAt: t.field({
      type: 'DateTime',
      description: 'When it was written.',
      resolve: ({ recordedAt }) => recordedAt,
    }),
    hash: t.exposeString('hash', { description: 'SHA-256 over the hash before it and this event.' }),
    body: t.exposeString('bodyText', { description: 'The event as JSON, as it was hashed.' }),
  }),
});
const UsageEventConnection = connectionOf('UsageEventConnection', UsageEventType as never);

interface Status {
  headPosition: number;
  headHash: string;
  openRequests: number;
}
const LedgerStatus = builder.objectRef<Status>('LedgerStatus').implement({
  description: 'How far the ledger has come.',
  fields: (t) => ({
    headPosition: t.field({
      type: 'SafeInt',
      description: 'Number of the newest event.',
      resolve: ({ headPosition }) => headPosition,
    }),
    headHash: t.exposeString('headHash', { description: 'Its hash: it stands for the whole ledger.' }),
    eventCount: t.field({
      type: 'SafeInt',
      description: 'Events, as positions have no gap.',
      resolve: ({ headPosition }) => headPosition,
    }),
    openRequests: t.field({
      type: 'SafeInt',
      description: 'Requests that were accepted and have not ended.',
      resolve: ({ openRequests }) => openRequests,
    }),
  }),
});

builder.queryFields((t) => ({
  ledger: t.field({
    type: LedgerStatus,
    description: 'How far the ledger has come.',
    resolve: (_root, _args, { services }) => services.ledgerStatus(),
  }),
  usageEvents: t.field({
    type: UsageEventConnection,
    description: 'Events after a position, in order.',
    args: { after: t.arg({ type: 'SafeInt', defaultValue: 0 }), first: t.arg.int({ defaultValue: 50 }) },
    resolve: async (_root, { after, first }, { services }) => {
      const nodes = await services.usageEvents(after ?? 0, pageSize(first));
      const { headPosition } = await services.ledgerStatus();
      const last = nodes.at(-1)?.position ?? headPosition;
      return { nodes, endCursor: last < headPosition ? String(last) : null, totalCount: headPosition } as never;
    },
  }),
}));

builder.subscriptionFields((t) => ({
  usageEventAppended: t.field({
    type: UsageEventType,
    description:
      'Every event after a position, those of before first; without one, from now on. None is missing, none comes twice.',
    args: { after: t.arg({ type: 'SafeInt' }) },
    subscribe: (_root, { after }, { services }) => stoppable((signal) => services.followEvents(after ?? null, signal)),
    resolve: (entry) => entry,
  }),
  requestUpdated: t.field({
    type: RequestType,
    nullable: true,
    description: 'Requests as they come and end.',
    subscribe: (_root, _args, { services }) =>
      stoppable(async function* (signal) {
        for await (const { body } of services.followEvents(null, signal)) {
          if ('requestId' in body) yield body.requestId;
        }
      }),
    resolve: (requestId: string, _args, { services }) => services.request(requestId),
  }),
}));

/** A generator that waits cannot be returned from outside: ending the subscription aborts its signal instead. */
function stoppable<Value>(start: (signal: AbortSignal) => AsyncGenerator<Value>): AsyncIterableIterator<Value> {
  const stop = new AbortController();
  const source = start(stop.signal);
  return {
    next: () => source.next(),
    return() {
      stop.abort();
      return source.return(undefined);
    },
    throw(error) {
      stop.abort();
      return source.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
