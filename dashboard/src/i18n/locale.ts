import { readonly, shallowRef } from 'vue';
import type { Dictionary } from './en.ts';

export type Locale = 'en' | 'zh-CN';

/** The languages by their own names. */
export const localeNames: Record<Locale, string> = { en: 'English', 'zh-CN': '简体中文' };

const storageKey = 'gemini-pool.locale';
const dictionaries: Record<Locale, () => Promise<Dictionary>> = {
  en: async () => (await import('./en.ts')).en,
  'zh-CN': async () => (await import('./zh-cn.ts')).zhCn,
};

const locale = shallowRef<Locale>(preferredLocale());
// Set before the first component is made, see `main.ts`.
const dictionary = shallowRef() as { value: Dictionary };

/** The texts of the chosen language (`t`) and the choice itself. */
export function useLocale() {
  return { t: dictionary, locale: readonly(locale) };
}

/** Loads a language's texts and shows them. */
export async function setLocale(chosen: Locale): Promise<void> {
  dictionary.value = await dictionaries[chosen]();
  locale.value = chosen;
  localStorage.setItem(storageKey, chosen);
  document.documentElement.lang = chosen;
}

/** The last choice, else what the browser asks for. */
export function preferredLocale(): Locale {
  const stored = localStorage.getItem(storageKey);
  if (stored === 'en' || stored === 'zh-CN') return stored;
  const first = navigator.languages.find((language) => /^(en|zh)\b/.test(language));
  return first?.startsWith('zh') ? 'zh-CN' : 'en';
}
