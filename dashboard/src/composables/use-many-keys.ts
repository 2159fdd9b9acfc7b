import { mutate } from '../api/mutate.ts';
import { graphql, type ResultOf, type VariablesOf } from '../graphql.ts';

const KeysChanged = graphql(`
  fragment KeysChanged on UpstreamKeyChangeResult {
    __typename
    ... on UpstreamKeyChangeSuccess {
      changed
      rows {
        outcome
        message
      }
    }
    ... on Error {
      code
      message
    }
  }
`);
const BulkEnable = graphql(
  `
    mutation UpstreamKeyBulkEnable($input: UpstreamKeyBulkEnableInput!) {
      result: upstreamKeyBulkEnable(input: $input) {
        ...KeysChanged
      }
    }
  `,
  [KeysChanged],
);
const BulkDisable = graphql(
  `
    mutation UpstreamKeyBulkDisable($input: UpstreamKeyBulkDisableInput!) {
      result: upstreamKeyBulkDisable(input: $input) {
        ...KeysChanged
      }
    }
  `,
  [KeysChanged],
);
const BulkDelete = graphql(
  `
    mutation UpstreamKeyBulkDelete($input: UpstreamKeyBulkDeleteInput!) {
      result: upstreamKeyBulkDelete(input: $input) {
        ...KeysChanged
      }
    }
  `,
  [KeysChanged],
);
const BulkTag = graphql(
  `
    mutation UpstreamKeyBulkTag($input: UpstreamKeyBulkTagInput!) {
      result: upstreamKeyBulkTag(input: $input) {
        ...KeysChanged
      }
    }
  `,
  [KeysChanged],
);
const BulkMove = graphql(
  `
    mutation UpstreamKeyBulkMove($input: UpstreamKeyBulkMoveInput!) {
      result: upstreamKeyBulkMove(input: $input) {
        ...KeysChanged
      }
    }
  `,
  [KeysChanged],
);
const BulkAssignProject = graphql(
  `
    mutation UpstreamKeyBulkAssignProject($input: UpstreamKeyBulkAssignProjectInput!) {
      result: upstreamKeyBulkAssignProject(input: $input) {
        ...KeysChanged
      }
    }
  `,
  [KeysChanged],
);
const UpstreamKeyExport = graphql(`
  mutation UpstreamKeyExport($input: UpstreamKeyExportInput!) {
    upstreamKeyExport(input: $input) {
      __typename
      ... on UpstreamKeyExportSuccess {
        content
        count
      }
      ... on ThrottledError {
        retryAfterSeconds
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

export type KeysChange = ResultOf<typeof KeysChanged>;
export type ExportFormat = NonNullable<VariablesOf<typeof UpstreamKeyExport>['input']['format']>;

const these = (ids: readonly string[]) => ({ ids: [...ids] });

/** Each changes many keys at once. Expected failures are returned, others thrown. */
export const manyKeys = {
  enable: async (ids: readonly string[]) => (await mutate(BulkEnable, { input: { selection: these(ids) } })).result,
  disable: async (ids: readonly string[]) => (await mutate(BulkDisable, { input: { selection: these(ids) } })).result,
  delete: async (ids: readonly string[]) => (await mutate(BulkDelete, { input: { selection: these(ids) } })).result,
  tag: async (ids: readonly string[], add: string[], remove: string[]) =>
    (await mutate(BulkTag, { input: { selection: these(ids), add, remove } })).result,
  move: async (ids: readonly string[], group: string) =>
    (await mutate(BulkMove, { input: { selection: these(ids), group } })).result,
  project: async (ids: readonly string[], project: string) =>
    (await mutate(BulkAssignProject, { input: { selection: these(ids), project } })).result,
};

/** Keys in the clear. Expected failures are returned, others thrown. */
export async function exportUpstreamKeys(ids: readonly string[], format: ExportFormat, password: string) {
  return (await mutate(UpstreamKeyExport, { input: { selection: these(ids), format, password } })).upstreamKeyExport;
}

/** Tags as people write them between commas. */
export function splitTags(text: string): string[] {
  return text
    .split(/[,;，；]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}
