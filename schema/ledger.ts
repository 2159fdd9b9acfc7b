import { builder } from './builder.ts';
import type { LedgerEntry, Request } from './context.ts';
import { connectionOf, pageSize } from './page.ts';
import { RequestType } from './request.ts';
import { stoppable } from './stoppable.ts';

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

const AuditEntryType = builder.objectRef<LedgerEntry>('AuditEntry').implement({
  description: 'A change that somebody made.',
  fields: (t) => ({
    position: t.field({ type: 'SafeInt', description: 'Its number.', resolve: ({ position }) => position }),
    type: t.string({ description: 'What was done.', resolve: ({ body }) => body.type }),
    actor: t.string({
      description: 'Who did it: `account:…`, `environment`, `gateway` or `command-line`.',
      resolve: (entry) => entry.actor ?? '',
    }),
    body: t.exposeString('bodyText', { description: 'The event as JSON.' }),
    recordedAt: t.field({
      type: 'DateTime',
      description: 'When it was written.',
      resolve: ({ recordedAt }) => recordedAt,
    }),
  }),
});
const AuditEntryConnection = connectionOf('AuditEntryConnection', AuditEntryType as never);

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
      const hasNextPage = last < headPosition;
      return { nodes, hasNextPage, endCursor: String(last), totalCount: headPosition } as never;
    },
  }),
}));

builder.queryFields((t) => ({
  auditEntries: t.field({
    type: AuditEntryConnection,
    description: 'What was changed and by whom, newest first.',
    args: { first: t.arg.int({ defaultValue: 50 }), after: t.arg.string() },
    resolve: (_root, { first, after }, { services }) => services.auditPage(pageSize(first), after ?? null) as never,
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
    description: 'Requests as they come and end.',
    subscribe: (_root, _args, { services }) =>
      stoppable(async function* (signal) {
        for await (const { body } of services.followEvents(null, signal)) {
          if ('requestId' in body) yield body.requestId;
        }
      }),
    // Its row was committed with the event.
    resolve: async (requestId: string, _args, { services }) => (await services.request(requestId)) as Request,
  }),
}));
