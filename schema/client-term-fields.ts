import { builder } from './builder.ts';
import { ClientKeyType } from './client-key.ts';
import { BudgetPeriod, BudgetUnit } from './client-terms.ts';
import type { BudgetState, ClientKey } from './context.ts';
import { toDollars } from './usage-totals.ts';

type Amounts = Readonly<BudgetState>;

const BudgetType = builder.objectRef<Amounts>('Budget').implement({
  description: 'What a client key may use in a period, and what of it is used.',
  fields: (t) => ({
    unit: t.field({ type: BudgetUnit, description: 'What it counts.', resolve: ({ budget }) => budget.unit }),
    period: t.field({
      type: BudgetPeriod,
      description: 'After what it begins anew.',
      resolve: ({ budget }) => budget.period,
    }),
    timeZone: t.string({
      description: 'Where its periods are cut; an IANA name.',
      resolve: ({ budget }) => budget.timeZone,
    }),
    model: t.string({
      nullable: true,
      description: 'Of these models only, `*` stands for anything; null: of all.',
      resolve: ({ budget }) => budget.model,
    }),
    isStrict: t.boolean({
      description:
        'It cannot be passed, whatever runs at the same time: what a request may need at most is reserved. Otherwise it is passed by what is in flight when it is reached.',
      resolve: ({ budget }) => budget.isStrict,
    }),
    limit: t.field({
      type: 'Decimal',
      description: 'How much, in its unit.',
      resolve: ({ budget }) => toAmount(budget.unit, BigInt(budget.limit)),
    }),
    used: t.field({
      type: 'Decimal',
      description: 'Used in this period.',
      resolve: ({ budget, spent }) => toAmount(budget.unit, spent),
    }),
    reserved: t.field({
      type: 'Decimal',
      description: 'Held for requests in flight.',
      resolve: ({ budget, reserved }) => toAmount(budget.unit, reserved),
    }),
    overrun: t.field({
      type: 'Decimal',
      description:
        'By how much it is passed; 0 unless it is soft, or was lowered, or tools brought in more than was asked.',
      resolve: ({ budget, spent }) => {
        const over = spent - BigInt(budget.limit);
        return toAmount(budget.unit, over > 0n ? over : 0n);
      },
    }),
    resetsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it begins anew; null: never.',
      resolve: ({ periodEnd }) => (Number.isFinite(periodEnd) ? periodEnd : null),
    }),
  }),
});

function toAmount(unit: Amounts['budget']['unit'], amount: bigint): string {
  return unit === 'USD' ? toDollars(amount) : String(amount);
}

const LimitsType = builder.objectRef<ClientKey['terms']>('ClientKeyLimits').implement({
  description: 'How much of what a client key may do; null: as much as it likes.',
  fields: (t) => ({
    requestsPerMinute: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'Requests in a minute.',
      resolve: ({ requestsPerMinute }) => requestsPerMinute ?? null,
    }),
    tokensPerMinute: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'Tokens of prompts and answers in a minute.',
      resolve: ({ tokensPerMinute }) => tokensPerMinute ?? null,
    }),
    concurrentRequests: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'Requests at the same time.',
      resolve: ({ concurrentRequests }) => concurrentRequests ?? null,
    }),
  }),
});

/** What a client key has beside its name and its models. */
builder.objectFields(ClientKeyType, (t) => ({
  expiresAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'From when on it is refused; null: never.',
    resolve: ({ terms }) => terms.expiresAt ?? null,
  }),
  allowedAddresses: t.stringList({
    nullable: true,
    description: 'Addresses and CIDR ranges it may be used from; null: any.',
    resolve: ({ terms }) => terms.allowedAddresses?.slice() ?? null,
  }),
  allowedOrigins: t.stringList({
    nullable: true,
    description: 'Origins of the pages that may use it; null: any. Programs that are no browsers send none and may.',
    resolve: ({ terms }) => terms.allowedOrigins?.slice() ?? null,
  }),
  limits: t.field({ type: LimitsType, description: 'Its rates.', resolve: ({ terms }) => terms }),
  budgets: t.field({
    type: [BudgetType],
    description: 'Its budgets, and what of them is used.',
    resolve: ({ id }, _args, { services }) => services.budgetsOf(id),
  }),
}));
