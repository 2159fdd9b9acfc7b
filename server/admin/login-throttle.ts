const freeTries = 5;
const waitSecondsMax = 900;
const entriesMax = 10_000;

interface Failures {
  count: number;
  blockedUntilMs: number;
}

/** Slows down guessing: after five wrong tries for a name from a network each further one costs 1, 2, 4 … 900 s. Nobody is locked out for good. */
export interface LoginThrottle {
  /** Seconds to wait before the next try; 0 for none. */
  waitSeconds(username: string, address: string): number;
  failed(username: string, address: string): void;
  succeeded(username: string, address: string): void;
}

/** @param now Wall clock, ms since 1970. */
export function createLoginThrottle(now: () => number): LoginThrottle {
  const failures = new Map<string, Failures>();
  const keyOf = (username: string, address: string) => `${username.toLowerCase()}\n${networkOf(address)}`;
  return {
    waitSeconds(username, address) {
      const blockedUntilMs = failures.get(keyOf(username, address))?.blockedUntilMs ?? 0;
      return Math.max(0, Math.ceil((blockedUntilMs - now()) / 1000));
    },
    failed(username, address) {
      const key = keyOf(username, address);
      const count = (failures.get(key)?.count ?? 0) + 1;
      const waitSeconds = count <= freeTries ? 0 : Math.min(waitSecondsMax, 2 ** (count - freeTries - 1));
      failures.delete(key);
      failures.set(key, { count, blockedUntilMs: now() + waitSeconds * 1000 });
      const oldest = failures.keys().next().value;
      if (failures.size > entriesMax && oldest !== undefined) failures.delete(oldest);
    },
    succeeded: (username, address) => void failures.delete(keyOf(username, address)),
  };
}

/** The /24 of an IPv4 address, the /56 of an IPv6 one: who has one address there has them all. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address.split('.').slice(0, 3).join('.');
  const [head = [], tail = []] = address.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  const [first = '0', second = '0', third = '0', fourth = '0'] = [...head, ...zeros, ...tail];
  return [first, second, third, Number.parseInt(fourth, 16) >> 8].join(':');
}
