import { builder } from './builder.ts';
import type { KeyChoice, UpstreamKey } from './context.ts';
import { UpstreamKeyType } from './upstream-key.ts';

const Obstacle = builder.objectRef<KeyChoice['obstacles'][number]>('KeyObstacle').implement({
  description: 'Why a key would not be taken.',
  fields: (t) => ({
    upstreamKey: t.field({ type: UpstreamKeyType, description: 'The key.', resolve: ({ upstreamKey }) => upstreamKey }),
    reason: t.exposeString('reason', {
      description:
        '`disabled`, `rejected`, `busy` (as many calls as it may have), or the failure or the quota that it rests from, such as `key_model_day`.',
    }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When that is over; null when no time is known.',
      resolve: ({ until }) => until,
    }),
  }),
});
const Choice = builder.objectRef<KeyChoice>('UpstreamKeyChoice').implement({
  description: 'Which key a request for a model would get now.',
  fields: (t) => ({
    chosen: t.field({
      type: UpstreamKeyType,
      nullable: true,
      description: 'The key; null when none is free.',
      resolve: ({ chosen }) => chosen,
    }),
    strategy: t.exposeString('strategy', { description: 'How it is chosen of several free ones, see POOL_STRATEGY.' }),
    freeCount: t.exposeInt('freeCount', { description: 'Keys that are free.' }),
    obstacles: t.field({
      type: [Obstacle],
      description: 'The others, and why.',
      resolve: ({ obstacles }) => obstacles,
    }),
    waiting: t.exposeInt('waiting', { description: 'Requests that wait for a key, of all models.' }),
  }),
});

const Proposal = builder.objectRef<UpstreamKey[]>('ProjectProposal').implement({
  description: 'Keys that seem to belong to one project: they run out together every time.',
  fields: (t) => ({
    upstreamKeys: t.field({ type: [UpstreamKeyType], description: 'The keys.', resolve: (keys) => keys }),
  }),
});

builder.queryFields((t) => ({
  upstreamKeyChoice: t.field({
    type: Choice,
    description: 'Which key a request would get now, and what keeps each of the others back. Nothing is called.',
    args: {
      model: t.arg.string({ required: true, description: 'As a client would write it.' }),
      tokens: t.arg.int({ description: 'Of the prompt.' }),
    },
    resolve: (_root, { model, tokens }, { services }) => services.keyChoice(model, tokens ?? 0),
  }),
  projectProposals: t.field({
    type: [Proposal],
    description: 'Keys that should probably be assigned one project, see `upstreamKeyBulkAssignProject`.',
    resolve: (_root, _args, { services }) => services.projectProposals(),
  }),
}));
