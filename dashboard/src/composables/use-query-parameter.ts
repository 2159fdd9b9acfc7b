import { computed } from 'vue';
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
