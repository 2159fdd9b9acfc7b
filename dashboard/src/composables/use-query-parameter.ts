import { computed, shallowRef, watch } from 'vue';
import { useRoute, useRouter } from 'vue-router';

/** A piece of the page's state that lives in the address, so that links and Back work. Null takes it out. */
export function useQueryParameter(name: string) {
  const route = useRoute();
  const router = useRouter();
  return computed<string | null>({
    get: () => {
      const value = route.query[name];
      return typeof value === 'string' ? value : null;
    },
    set: (value) => {
      const { [name]: _, ...others } = route.query;
      router.push({ query: value === null ? others : { ...others, [name]: value } });
    },
  });
}

/** The same for a text that is typed in: no step of Back for each letter. */
export function useQueryText(name: string) {
  const route = useRoute();
  const router = useRouter();
  const addressed = () => (typeof route.query[name] === 'string' ? route.query[name] : '');
  const text = shallowRef(addressed());
  // At once: a letter that is typed while the address still changes cancels that change, instead of being undone by it.
  const write = (typed: string) => {
    if (typed === addressed()) return;
    const { [name]: _, ...others } = route.query;
    router.replace({ query: typed === '' ? others : { ...others, [name]: typed } });
  };
  watch(text, write, { flush: 'sync' });
  watch(addressed, (fresh) => {
    text.value = fresh;
  });
  return text;
}

/** The same for one of a few values; an unknown one is the first. */
export function useQueryChoice<const Choice extends string>(name: string, choices: readonly [Choice, ...Choice[]]) {
  const parameter = useQueryParameter(name);
  return computed<Choice>({
    get: () => choices.find((choice) => choice === parameter.value) ?? choices[0],
    set: (choice) => {
      parameter.value = choice === choices[0] ? null : choice;
    },
  });
}
