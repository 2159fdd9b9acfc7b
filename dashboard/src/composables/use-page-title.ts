import { watchEffect } from 'vue';

/** Names the page in the browser's tab and history. */
export function usePageTitle(title: () => string): void {
  watchEffect(() => {
    document.title = `${title()} · gemini-pool`;
  });
}
