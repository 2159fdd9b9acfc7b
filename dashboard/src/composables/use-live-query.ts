import { type AnyVariables, type TypedDocumentNode, useQuery, useSubscription } from '@urql/vue';
import { computed, type MaybeRefOrGetter, shallowRef, toValue, watch } from 'vue';
import { live } from '../api/live.ts';

/**
 * A query that keeps its last answer while it asks again, and asks again when the live connection comes back.
 * `refresh` asks now; `refreshSoon` at most once per `refreshEveryMs`.
 */
export function useLiveQuery<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: MaybeRefOrGetter<Variables>,
  { refreshEveryMs = 1000, pause = false as MaybeRefOrGetter<boolean> } = {},
) {
  const answer = useQuery({
    query,
    variables: () => toValue(variables),
    pause: () => toValue(pause),
  } as Parameters<typeof useQuery<Data, Variables>>[0]);
  const data = shallowRef<Data>();
  watch(
    answer.data,
    (fresh) => {
      if (fresh) data.value = fresh;
    },
    { immediate: true },
  );

  const refresh = () => {
    if (!toValue(pause)) answer.executeQuery({ requestPolicy: 'network-only' });
  };
  watch(() => live.reconnects, refresh);
  const error = computed(() => answer.error.value);
  return { data, error, isLoading: answer.fetching, refresh, refreshSoon: throttled(refresh, refreshEveryMs) };
}

/** Calls `handle` with every value of a subscription, for as long as the component lives. */
export function useLive<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  handle: (data: Data) => void,
  variables: MaybeRefOrGetter<Variables> = {} as Variables,
): void {
  const options = { query, variables: () => toValue(variables) };
  useSubscription(options as Parameters<typeof useSubscription<Data, Data, Variables>>[0], (_previous, data) => {
    handle(data);
    return data;
  });
}

/** At most one call per interval: the first one at once, the last one never lost. */
function throttled(call: () => void, everyMs: number): () => void {
  let lastAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (timer !== undefined) return;
    const waitMs = Math.max(0, lastAt + everyMs - Date.now());
    timer = setTimeout(() => {
      timer = undefined;
      lastAt = Date.now();
      call();
    }, waitMs);
  };
}
