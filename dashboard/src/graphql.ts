import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './graphql-env.d.ts';

/** Turns the text of a GraphQL document into a typed one. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string; Decimal: string; ID: string; SafeInt: number };
}>();

export type { ResultOf, VariablesOf } from 'gql.tada';
