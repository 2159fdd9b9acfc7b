import { builder } from './builder.ts';
import { clientTermInputs, problemOfTerms, toTerms } from './client-terms.ts';
import type { ClientKey, Context } from './context.ts';
import { ConflictError, InvalidInputError, invalidInput, NotFoundError, orFailure, resultUnion } from './failures.ts';
import { connectionOf, pageSize } from './page.ts';
import { UsageTotalsType } from './usage-totals.ts';

const ClientKeyStatus = builder.enumType('ClientKeyStatus', {
  description: 'State of a client key.',
  values: {
    ACTIVE: { description: 'Can be used.' },
    DISABLED: { description: 'Switched off.' },
    EXPIRED: { description: 'Its time is over.' },
  } as const,
});

export const ClientKeyType = builder.objectRef<ClientKey>('ClientKey').implement({
  description: 'A key that a client sends to /v1. Its secret is stored as a hash.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Begins with `ck_`.' }),
    name: t.exposeString('name', { description: 'Given by its maker.' }),
    prefix: t.exposeString('prefix', { description: 'First characters of the secret.' }),
    lastFour: t.exposeString('lastFour', { description: 'Last four characters of the secret.' }),
    status: t.field({
      type: ClientKeyStatus,
      description: 'Whether it can be used.',
      resolve: ({ isEnabled, terms }) => {
        if (!isEnabled) return 'DISABLED';
        return (terms.expiresAt ?? Number.POSITIVE_INFINITY) <= Date.now() ? 'EXPIRED' : 'ACTIVE';
      },
    }),
    allowedModels: t.stringList({
      nullable: true,
      description: 'Patterns of the models it may use, where `*` stands for anything; null for all.',
      resolve: ({ allowedModels }) => allowedModels ?? null,
    }),
    isDeleted: t.boolean({
      description: 'Deleted; its history stays.',
      resolve: ({ deletedAt }) => Boolean(deletedAt),
    }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: ({ createdAt }) => createdAt }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its newest request began.',
      resolve: async ({ id }, _args, { services }) => (await services.usageOf('clientKeyId', id)).lastUsedAt,
    }),
    usage: t.field({
      type: UsageTotalsType,
      description: 'All it was ever used for.',
      resolve: ({ id }, _args, { services }) => services.usageOf('clientKeyId', id),
    }),
  }),
});
const ClientKeyConnection = connectionOf('ClientKeyConnection', ClientKeyType as never);

const CreateSuccess = builder
  .objectRef<{ __typename: string; id: string; secret: string }>('ClientKeyCreateSuccess')
  .implement({
    description: 'The key was made.',
    fields: (t) => ({
      secret: t.exposeString('secret', { description: 'Shown this once.' }),
      clientKey: t.field({
        type: ClientKeyType,
        description: 'The key.',
        resolve: ({ id }, _args, context) => findKey(id, context),
      }),
    }),
  });
const UpdateSuccess = builder.objectRef<{ __typename: string; id: string }>('ClientKeyUpdateSuccess').implement({
  description: 'The key was changed.',
  fields: (t) => ({
    clientKey: t.field({
      type: ClientKeyType,
      description: 'The key.',
      resolve: ({ id }, _args, context) => findKey(id, context),
    }),
  }),
});
const DeleteSuccess = builder.objectRef<{ __typename: string; id: string }>('ClientKeyDeleteSuccess').implement({
  description: 'The key was deleted.',
  fields: (t) => ({ id: t.exposeID('id', { description: 'Of the key.' }) }),
});

const allowedModelsMeaning = 'Names of models, where `*` stands for anything: `gemini-3.8-flash`, `gemini-3.*`.';

const CreateInput = builder.inputType('ClientKeyCreateInput', {
  description: 'The key to make.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 100 characters.' }),
    secret: t.string({ description: 'Your own secret, 20 to 200 characters without spaces; else one is made.' }),
    allowedModels: t.stringList({ description: `${allowedModelsMeaning} Null or left out: all models.` }),
    ...clientTermInputs(t),
  }),
});
const UpdateInput = builder.inputType('ClientKeyUpdateInput', {
  description: 'What to change; what is left out stays.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Of the key.' }),
    name: t.string({ description: '1 to 100 characters.' }),
    isEnabled: t.boolean({ description: 'Off: requests with it are refused.' }),
    allowedModels: t.stringList({ description: `${allowedModelsMeaning} Null: all models.` }),
    ...clientTermInputs(t),
  }),
});
const DeleteInput = builder.inputType('ClientKeyDeleteInput', {
  description: 'The key to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Of the key.' }) }),
});

builder.queryFields((t) => ({
  clientKeys: t.field({
    type: ClientKeyConnection,
    description: 'The client keys, newest first.',
    args: { first: t.arg.int({ defaultValue: 50 }), after: t.arg.string() },
    resolve: (_root, { first, after }, { services }) => services.clientKeyPage(pageSize(first), after ?? null) as never,
  }),
}));

builder.mutationFields((t) => ({
  clientKeyCreate: t.field({
    type: resultUnion('ClientKeyCreateResult', CreateSuccess as never, [InvalidInputError, ConflictError]),
    description: 'Makes a client key. The secret is in the answer and nowhere else.',
    args: { input: t.arg({ type: CreateInput, required: true }) },
    resolve: (_root, { input }, context) =>
      orFailure(async () => {
        const secret = input.secret ?? undefined;
        if (!isName(input.name)) return invalidInput('name', nameRule);
        if (secret !== undefined && !/^[\x21-\x7e]{20,200}$/.test(secret)) {
          return invalidInput('secret', 'An own secret has 20 to 200 characters without spaces.');
        }
        if (!areModels(input.allowedModels)) return invalidInput('allowedModels', modelsRule);
        const problem = problemOfTerms(input);
        if (problem) return invalidInput(...problem);
        const allowedModels = input.allowedModels ?? null;
        const wanted = { name: input.name.trim(), ...(secret && { secret }), allowedModels, terms: toTerms(input) };
        const made = await context.services.clients.create(wanted, actor(context));
        return { __typename: 'ClientKeyCreateSuccess', ...made };
      }) as never,
  }),
  clientKeyUpdate: t.field({
    type: resultUnion('ClientKeyUpdateResult', UpdateSuccess as never, [InvalidInputError, NotFoundError]),
    description: 'Renames a client key, switches it on or off, or says what it may use.',
    args: { input: t.arg({ type: UpdateInput, required: true }) },
    resolve: (_root, { input: { id, name, isEnabled, allowedModels, ...terms } }, context) =>
      orFailure(async () => {
        if (name != null && !isName(name)) return invalidInput('name', nameRule);
        if (!areModels(allowedModels)) return invalidInput('allowedModels', modelsRule);
        const problem = problemOfTerms(terms);
        if (problem) return invalidInput(...problem);
        const changes = {
          ...(name != null && { name: name.trim() }),
          ...(isEnabled != null && { isEnabled }),
          ...(allowedModels !== undefined && { allowedModels }),
          terms: toTerms(terms),
        };
        await context.services.clients.update({ id: String(id), ...changes }, actor(context));
        return { __typename: 'ClientKeyUpdateSuccess', id };
      }) as never,
  }),
  clientKeyDelete: t.field({
    type: resultUnion('ClientKeyDeleteResult', DeleteSuccess as never, [NotFoundError]),
    description: 'Deletes a client key. Its requests stay in the ledger under its name.',
    args: { input: t.arg({ type: DeleteInput, required: true }) },
    resolve: (_root, { input: { id } }, context) =>
      orFailure(async () => {
        await context.services.clients.delete(String(id), actor(context));
        return { __typename: 'ClientKeyDeleteSuccess', id };
      }) as never,
  }),
}));

const nameRule = 'A name has 1 to 100 characters.';

function isName(name: string): boolean {
  const { length } = name.trim();
  return length >= 1 && length <= 100;
}

const modelsRule = 'Takes 1 to 100 names of up to 128 characters without spaces; null for all models.';

function areModels(patterns: readonly string[] | null | undefined): boolean {
  if (patterns == null) return true;
  return patterns.length >= 1 && patterns.length <= 100 && patterns.every((pattern) => /^\S{1,128}$/.test(pattern));
}

/** Who a change is recorded for. */
export function actor({ viewer }: Context): string {
  return `account:${viewer?.id}`;
}

async function findKey(id: string, { services }: Context): Promise<ClientKey> {
  return (await services.clientKey(id)) as ClientKey;
}
