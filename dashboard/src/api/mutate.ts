import type { AnyVariables, TypedDocumentNode } from '@urql/core';
import { client } from './client.ts';

/** Runs a mutation. @throws CombinedError for anything that is not in its result type. */
export async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const { data, error } = await client.mutation(document, variables).toPromise();
  if (!data) throw error;
  return data;
}
