import { readonly, shallowRef } from 'vue';

export type Theme = 'dark' | 'light';

const storageKey = 'gemini-pool.theme';
const theme = shallowRef<Theme>('dark');

export function useTheme() {
  return { theme: readonly(theme), setTheme };
}

export function setTheme(chosen: Theme): void {
  theme.value = chosen;
  localStorage.setItem(storageKey, chosen);
  document.documentElement.dataset.theme = chosen;
}

/** Dark, unless light was chosen before. */
export function restoreTheme(): void {
  setTheme(localStorage.getItem(storageKey) === 'light' ? 'light' : 'dark');
}
