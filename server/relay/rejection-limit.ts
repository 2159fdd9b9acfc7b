const recordedPerMinuteMax = 60;
const minuteMs = 60_000;

/**
 * Decides which refusals become events: at most 60 per client key and minute, so that a caller cannot fill the disk with bad requests.
 */
export function createRejectionLimit(): (clientKeyId: string, nowMs: number) => boolean {
  let minute = 0;
  let counts = new Map<string, number>();
  return function mayRecord(clientKeyId, nowMs) {
    const current = Math.floor(nowMs / minuteMs);
    if (current !== minute) {
      minute = current;
      counts = new Map();
    }
    const count = (counts.get(clientKeyId) ?? 0) + 1;
    counts.set(clientKeyId, count);
    return count <= recordedPerMinuteMax;
  };
}
