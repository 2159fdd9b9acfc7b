import { onScopeDispose, readonly, shallowRef } from 'vue';

const tickMs = 1000;
const now = shallowRef(Date.now());
let readers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The time, ms since 1970, moved on once per second while somebody reads it. */
export function useClock() {
  if (readers++ === 0) {
    now.value = Date.now();
    timer = setInterval(() => {
      now.value = Date.now();
    }, tickMs);
  }
  onScopeDispose(() => {
    if (--readers === 0) clearInterval(timer);
  });
  return readonly(now);
}
