import { computed, type Ref, shallowRef } from 'vue';

/** Which rows of a list are selected. Those that are filtered away or gone are not. */
export function useKeySelection(shown: Readonly<Ref<readonly { id: string }[]>>) {
  const chosen = shallowRef<ReadonlySet<string>>(new Set());
  const ids = computed(() => shown.value.flatMap(({ id }) => (chosen.value.has(id) ? id : [])));
  const selected = computed<ReadonlySet<string>>(() => new Set(ids.value));
  return {
    ids,
    selected,
    toggle(id: string, isSelected: boolean) {
      const next = new Set(selected.value);
      if (isSelected) next.add(id);
      else next.delete(id);
      chosen.value = next;
    },
    selectAll() {
      chosen.value = new Set(shown.value.map(({ id }) => id));
    },
    selectNone() {
      chosen.value = new Set();
    },
  };
}
