import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { GraphQLError } from 'graphql';
import type { Context } from './context.ts';
import type { Failure } from './failures.ts';

/** The builder that every file of this folder adds to. Whatever does not say otherwise is for who is signed in. */
export const builder = new SchemaBuilder<{
  Context: Context;
  AuthScopes: { signedIn: boolean; owner: boolean; anyone: boolean };
  DefaultFieldNullability: false;
  Interfaces: { Error: Failure };
  Scalars: {
    DateTime: { Input: number; Output: number };
    SafeInt: { Input: number; Output: number };
    Decimal: { Input: string; Output: string };
  };
}>({
  plugins: [ScopeAuthPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => ({ signedIn: viewer !== null, owner: viewer?.role === 'OWNER', anyone: true }),
    unauthorizedError: (_parent, { viewer }) =>
      viewer
        ? new GraphQLError('Only the owner may do this.', { extensions: { code: 'FORBIDDEN' } })
        : new GraphQLError('Sign in first.', { extensions: { code: 'UNAUTHENTICATED' } }),
  },
  complexity: { limit: { complexity: 5000, depth: 10, breadth: 200 } },
});

builder.scalarType('DateTime', {
  description: 'An instant, ISO 8601 in UTC.',
  serialize: (milliseconds) => new Date(milliseconds).toISOString(),
  parseValue: (value) => {
    const milliseconds = Date.parse(String(value));
    if (Number.isNaN(milliseconds)) throw new TypeError('A DateTime is an ISO 8601 text such as 2026-11-23T12:00:00Z.');
    return milliseconds;
  },
});
builder.scalarType('SafeInt', {
  description: 'A whole number up to 2^53 - 1, as a JSON number.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (!Number.isSafeInteger(value)) throw new TypeError('A SafeInt is a whole number up to 2^53 - 1.');
    return value as number;
  },
});
builder.scalarType('Decimal', {
  description: 'An exact decimal number, as a text.',
  serialize: (value) => value,
  parseValue: (value) => String(value),
});

builder.queryType({ description: 'What can be read.', authScopes: { signedIn: true } });
builder.mutationType({ description: 'What can be changed.', authScopes: { signedIn: true } });
builder.subscriptionType({ description: 'What can be followed as it happens.', authScopes: { signedIn: true } });
