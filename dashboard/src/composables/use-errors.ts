import type { CombinedError } from '@urql/core';
import { useLocale } from '../i18n/locale.ts';

/** Unexpected errors and failure classes in the words of the chosen language. */
export function useErrors() {
  const { t } = useLocale();
  return {
    /** Why a call to the server did not work. */
    reasonOf(error: unknown): string {
      return (error as CombinedError | undefined)?.networkError ? t.value.errors.network : t.value.errors.unexpected;
    },
    /** What a failure class or error code means; null for one that has no words. */
    explain(code: string): string | null {
      return (t.value.failures as Record<string, string>)[code] ?? null;
    },
  };
}
