import { builder } from './builder.ts';
import { ClientKeyType } from './client-key.ts';
import type { Request } from './context.ts';
import { connectionOf, pageSize } from './page.ts';
import { PriceType } from './price.ts';
import { UpstreamKeyType } from './upstream-key.ts';
import { SignatureCountsType, TokensType, toCost } from './usage-totals.ts';

const RequestOutcome = builder.enumType('RequestOutcome', {
  description: 'How a request ended.',
  values: {
    IN_PROGRESS: { description: 'It has not.' },
    SUCCEEDED: { description: 'With an answer.' },
    FAILED: { description: 'With an error.' },
    CANCELLED: { description: 'The caller hung up.' },
    REJECTED: { description: 'Refused before anything went upstream.' },
  } as const,
});

const AttemptType = builder.objectRef<Request['attempts'][number]>('Attempt').implement({
  description: 'One upstream call of a request.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'From 1.' }),
    httpStatus: t.exposeInt('httpStatus', { nullable: true, description: "Of Google's answer." }),
    failure: t.exposeString('failure', { nullable: true, description: 'Its class, if it failed.' }),
    durationMs: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'How long it took.',
      resolve: ({ durationMs }) => durationMs,
    }),
    upstreamKey: t.field({
      type: UpstreamKeyType,
      nullable: true,
      description: 'The key it used.',
      resolve: ({ upstreamKeyId }, _args, { services }) => services.upstreamKey(upstreamKeyId),
    }),
  }),
});

const RequestError = builder.objectRef<{ code: string; message: string }>('RequestError').implement({
  description: 'Why a request failed.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'For programs.' }),
    message: t.exposeString('message', { description: 'For people.' }),
  }),
});

export const RequestType = builder.objectRef<Request>('Request').implement({
  description: 'One call of a client.',
  fields: (t) => ({
    requestId: t.exposeID('requestId', { description: 'What `x-request-id` said.' }),
    clientRequestId: t.exposeString('clientRequestId', {
      nullable: true,
      description: "The client's own id for it, from its `x-client-request-id`.",
    }),
    outcome: t.field({ type: RequestOutcome, description: 'How it ended.', resolve: ({ outcome }) => outcome }),
    httpStatus: t.exposeInt('httpStatus', { nullable: true, description: 'What the caller got.' }),
    format: t.exposeString('format', { description: "The caller's wire format." }),
    requestedModel: t.exposeString('requestedModel', { description: 'As the caller named it.' }),
    servedModel: t.exposeString('servedModel', { nullable: true, description: 'The version that answered.' }),
    isStreaming: t.exposeBoolean('isStreaming', { description: 'Answered as a stream.' }),
    finishReason: t.exposeString('finishReason', { nullable: true, description: "In Gemini's words." }),
    error: t.field({
      type: RequestError,
      nullable: true,
      description: 'What went wrong.',
      resolve: ({ errorCode, errorMessage }) =>
        errorCode ? { code: errorCode, message: errorMessage ?? errorCode } : null,
    }),
    tokens: t.field({
      type: TokensType,
      description: 'What it used.',
      resolve: (request) => ({ ...request, isEstimated: (request.usageSource ?? 'upstream') !== 'upstream' }),
    }),
    signatures: t.field({
      type: SignatureCountsType,
      description: 'How its thought signatures came.',
      resolve: (request) => request,
    }),
    usageSource: t.exposeString('usageSource', {
      nullable: true,
      description:
        'Where its token counts come from: `upstream` (Google, to the end), `last-seen`, `counted`, `estimated`, `reserved` or `unknown`.',
    }),
    cost: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'In US dollars. Null: no price is known.',
      resolve: ({ costPico, unpricedCalls }) => toCost(costPico, unpricedCalls),
    }),
    price: t.field({
      type: PriceType,
      nullable: true,
      description: 'The price it was charged at.',
      resolve: ({ priceId }, _args, { services }) => (priceId ? services.prices.get(priceId) : null),
    }),
    startedAt: t.field({ type: 'DateTime', description: 'When it came.', resolve: ({ startedAt }) => startedAt }),
    durationMs: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'How long it took.',
      resolve: ({ durationMs }) => durationMs ?? null,
    }),
    timeToFirstTokenMs: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'Until the first content.',
      resolve: ({ timeToFirstTokenMs }) => timeToFirstTokenMs ?? null,
    }),
    clientKey: t.field({
      type: ClientKeyType,
      nullable: true,
      description: 'Who called.',
      resolve: ({ clientKeyId }, _args, { services }) => services.clientKey(clientKeyId),
    }),
    attempts: t.field({
      type: [AttemptType],
      description: 'The upstream calls, in order.',
      resolve: ({ attempts }) => attempts,
    }),
  }),
});
const RequestConnection = connectionOf('RequestConnection', RequestType as never);

const RequestFilterInput = builder.inputType('RequestFilterInput', {
  description: 'Narrows a list of requests.',
  fields: (t) => ({
    outcomes: t.field({ type: [RequestOutcome], description: 'Ended in one of these ways.' }),
    clientKeyId: t.id({ description: 'Of this caller.' }),
    model: t.string({ description: 'Of this model, as the caller named it.' }),
    clientRequestId: t.string({
      description: 'With this `x-client-request-id`, which a client may use more than once.',
    }),
  }),
});

builder.queryFields((t) => ({
  requests: t.field({
    type: RequestConnection,
    description: 'Requests, newest first.',
    args: {
      first: t.arg.int({ defaultValue: 50 }),
      after: t.arg.string(),
      filter: t.arg({ type: RequestFilterInput }),
    },
    resolve: (_root, { first, after, filter }, { services }) =>
      services.requestPage(pageSize(first), after ?? null, filter ?? {}) as never,
  }),
  request: t.field({
    type: RequestType,
    nullable: true,
    description: 'The request with this `x-request-id`.',
    args: { requestId: t.arg.id({ required: true }) },
    resolve: (_root, { requestId }, { services }) => services.request(String(requestId)),
  }),
}));
