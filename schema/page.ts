import { builder } from './builder.ts';
import type { Page } from './context.ts';

const pageSizeMax = 200;

const PageInfo = builder.objectRef<Omit<Page<unknown>, 'nodes'>>('PageInfo').implement({
  description: 'Where a page ends.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'There is more.' }),
    endCursor: t.exposeString('endCursor', { nullable: true, description: 'What `after` takes for the next page.' }),
  }),
});

/** The type of a list: its nodes, where it ends, and how many there are. */
export function connectionOf<Node>(name: string, node: ReturnType<typeof builder.objectRef<Node>>) {
  return builder.objectRef<Page<Node>>(name).implement({
    description: 'A page of a list.',
    fields: (t) => ({
      nodes: t.field({ type: [node], description: 'The items.', resolve: (page) => page.nodes as never }),
      pageInfo: t.field({ type: PageInfo, description: 'Where the page ends.', resolve: (page) => page }),
      totalCount: t.field({ type: 'SafeInt', description: 'Items in all pages.', resolve: (page) => page.totalCount }),
    }),
  });
}

/** How many items a caller gets who asks for so many. */
export function pageSize(first: number | null | undefined): number {
  return Math.min(pageSizeMax, Math.max(1, first ?? 50));
}
