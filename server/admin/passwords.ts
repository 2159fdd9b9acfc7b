import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Throttled } from './errors.ts';

const derive = promisify(argon2);

/** How much work a guess is. */
export interface PasswordCost {
  memoryKib: number;
  passes: number;
}

/** OWASP's floor is 19 MiB and two passes. */
export const defaultCost: PasswordCost = { memoryKib: 65_536, passes: 3 };
const tagBytes = 32;
const saltBytes = 16;
const runningMax = 2;
const waitingMax = 16;

let running = 0;
const waiting: (() => void)[] = [];

/** argon2id, as a PHC string. @throws Throttled when too many are being computed. */
export async function hashPassword(password: string, cost = defaultCost): Promise<string> {
  const salt = randomBytes(saltBytes);
  const tag = await limited(() => compute(password, salt, cost));
  return toPhc(salt, tag, cost);
}

/** Without a hash (nobody has that name) it takes the same time and is false. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const [, , , costs = '', salt = '', tag = ''] = (hash ?? nobodysHash).split('$');
  const [memoryKib = 0, passes = 0] = (costs.match(/\d+/g) ?? []).map(Number);
  const actual = await limited(() => compute(password, Buffer.from(salt, 'base64url'), { memoryKib, passes }));
  const expected = Buffer.from(tag, 'base64url');
  return hash !== null && actual.length === expected.length && timingSafeEqual(actual, expected);
}

const nobodysHash = toPhc(randomBytes(saltBytes), Buffer.alloc(0), defaultCost);

function toPhc(salt: Buffer, tag: Buffer, { memoryKib, passes }: PasswordCost): string {
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$${salt.toString('base64url')}$${tag.toString('base64url')}`;
}

function compute(password: string, nonce: Buffer, { memoryKib, passes }: PasswordCost): Promise<Buffer> {
  const options = { message: password, nonce, parallelism: 1, tagLength: tagBytes, memory: memoryKib, passes };
  return derive('argon2id', options) as Promise<Buffer>;
}

/** Each takes 64 MiB: a crowd at the login must not take the memory of the gateway. */
async function limited<Value>(work: () => Promise<Value>): Promise<Value> {
  if (running < runningMax) {
    running++;
  } else {
    if (waiting.length >= waitingMax) throw new Throttled(1);
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  try {
    return await work();
  } finally {
    // The place is handed on, so that nobody slips in between.
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
