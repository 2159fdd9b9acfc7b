import { readonly, shallowReactive } from 'vue';
import { readSetupStatus, renewSession, useSession } from './session.ts';

const retryMsMin = 2000;
const retryMsMax = 15_000;

const state = shallowReactive({
  isUnreachable: false,
  /** When the next try begins, ms since 1970. */
  retryAt: 0,
});
let setupStatus: Promise<boolean> | null = null;
let restored: Promise<void> | null = null;

/** Whether the page is waiting for a server that does not answer. */
export const boot = readonly(state);

/** Takes up the session of the refresh cookie, once per page load; waits for the server as long as it takes. */
export function restoreSession(): Promise<void> {
  restored ??= untilReachable(async () => {
    await renewSession();
  });
  return restored;
}

/** Whether there is no owner yet. A server that has one is not asked again. */
export async function isSetupRequired(): Promise<boolean> {
  if (useSession().session.value) return false;
  setupStatus ??= untilReachable(async () => (await readSetupStatus()).isSetupRequired);
  const isRequired = await setupStatus;
  if (isRequired) setupStatus = null;
  return isRequired;
}

async function untilReachable<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let delayMs = retryMsMin; ; delayMs = Math.min(delayMs * 1.5, retryMsMax)) {
    try {
      const result = await ask();
      state.isUnreachable = false;
      return result;
    } catch {
      state.retryAt = Date.now() + delayMs;
      state.isUnreachable = true;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}
