import { builder } from './builder.ts';
import type { LiveStats } from './context.ts';
import { stoppable } from './stoppable.ts';

const KeyCounts = builder.objectRef<LiveStats['keys']>('KeyCounts').implement({
  description: 'How many keys of the pool are in which state.',
  fields: (t) => ({
    active: t.exposeInt('ACTIVE', { description: 'In use.' }),
    coolingDown: t.exposeInt('COOLING_DOWN', { description: 'Rest for all models.' }),
    exhausted: t.exposeInt('EXHAUSTED', { description: 'No quota is left today.' }),
    rejected: t.exposeInt('REJECTED', { description: 'Not accepted by Google.' }),
    disabled: t.exposeInt('DISABLED', { description: 'Switched off.' }),
  }),
});

const LiveStatsType = builder.objectRef<LiveStats>('LiveStats').implement({
  description: 'The last minute.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'When this was true.', resolve: ({ at }) => at }),
    inFlight: t.exposeInt('inFlight', { description: 'Requests being answered now.' }),
    requestsPerMinute: t.exposeInt('requestsPerMinute', { description: 'Requests that came.' }),
    tokensPerMinute: t.field({
      type: 'SafeInt',
      description: 'Tokens used.',
      resolve: ({ tokensPerMinute }) => tokensPerMinute,
    }),
    successRate: t.exposeFloat('successRate', {
      nullable: true,
      description: 'Answered ÷ ended, 0 to 1; null without any.',
    }),
    medianTimeToFirstTokenMs: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'Over the latest answers.',
      resolve: (figures) => figures.medianTimeToFirstTokenMs,
    }),
    keys: t.field({ type: KeyCounts, description: 'The pool.', resolve: ({ keys }) => keys }),
    nextKeyBackAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the first key that rests is back; null while none rests.',
      resolve: ({ nextKeyBackAt }) => nextKeyBackAt,
    }),
    headPosition: t.field({
      type: 'SafeInt',
      description: 'How far the ledger has come.',
      resolve: ({ headPosition }) => headPosition,
    }),
  }),
});

builder.queryFields((t) => ({
  liveStats: t.field({
    type: LiveStatsType,
    description: 'What is going on now.',
    resolve: (_root, _args, { services }) => services.liveStats(),
  }),
}));

builder.subscriptionFields((t) => ({
  liveStatsUpdated: t.field({
    type: LiveStatsType,
    description: 'What is going on, once per second.',
    subscribe: (_root, _args, { services }) => stoppable((signal) => services.followLiveStats(signal)),
    resolve: (stats) => stats,
  }),
}));
