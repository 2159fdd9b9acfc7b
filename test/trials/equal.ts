import { join } from 'node:path';
import { connectionOf, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { withScratch } from '../../server/ledger/cli/databases.ts';
import { archiveDays, sealDays } from '../../server/ledger/keeping/keeper.ts';
import { rebuildProjections } from '../../server/ledger/rebuild.ts';
import { type Verdict, verifyLedger } from '../../server/ledger/verify.ts';
import { startWriter } from '../../server/writer/writer.ts';
import { seededRandom } from '../simulate/pool/seeded-random.ts';
import { type AtEnd, temporaryFolder } from '../support/temporary-folder.ts';
import { writeHistory } from '../support/written-history.ts';
import { randomHistory } from './random-history.ts';

const dayMs = 86_400_000;
const startMs = Date.parse('2026-10-01T00:00:00Z');
const spanMs = 20 * dayMs;
const archivedBefore = '2026-10-11';
const sign = (text: string) => text;

export interface EqualResult {
  /** The first thing that was not as it should be; null when all was. */
  problem: string | null;
  /** How long it took for one long history, ms; null when there was none. */
  timings: { events: number; rebuildMs: number; chainMs: number; verifyMs: number } | null;
}

/**
 * Random histories: the live projections equal the rebuilt ones, before and after archiving; any flipped bit is found; and one long history
 * is rebuilt and verified against the clock.
 */
export async function equal(
  { histories, events, flips, longEvents, seed, atEnd }: EqualOptions,
  tell: (line: string) => void,
): Promise<EqualResult> {
  for (let index = 0; index < histories; index++) {
    const problem = await checkHistory(seed + index, events, atEnd);
    if (problem) return { problem: `history ${seed + index}: ${problem}`, timings: null };
    tell(`history ${seed + index}: live and rebuilt are equal, before and after archiving`);
  }
  const missed = await countMissedFlips(seed, flips, atEnd);
  if (missed > 0) return { problem: `${missed} of ${flips} flipped bits were not found`, timings: null };
  tell(`${flips} of ${flips} flipped bits were found`);
  return longEvents > 0 ? timeLongHistory(seed, longEvents, atEnd) : { problem: null, timings: null };
}

export interface EqualOptions {
  histories: number;
  /** Of each of them. */
  events: number;
  flips: number;
  /** Of the long one; 0 for none. */
  longEvents: number;
  seed: number;
  atEnd: AtEnd;
}

/** A ledger with such a history, its projections live. */
async function openHistory(seed: number, events: number, atEnd: AtEnd) {
  const file = join(temporaryFolder(atEnd), 'pool.db');
  await writeHistory(file, randomHistory({ seed, events, startMs, spanMs }));
  const writer = await startWriter(file, 'boot-trial');
  const orm = await openDatabase(file, entities, 'read');
  const close = async () => {
    await writer.close();
    await orm.close();
  };
  const verify = () => withScratch((scratch) => verifyLedger(orm, scratch, () => {}, sign));
  return { file, writer, orm, close, verify };
}

async function checkHistory(seed: number, events: number, atEnd: AtEnd): Promise<string | null> {
  const { writer, orm, close, verify } = await openHistory(seed, events, atEnd);
  try {
    const before = await verify();
    if (!before.isSound) return before.problem;
    const connection = await connectionOf(orm);
    const parts = { execute: writer.execute, connection, sign, now: () => startMs + 2 * spanMs };
    const buckets = () => connection.prepare('select * from usage_bucket order by 1, 2, 3, 4, 5, 6, 7').raw().all();
    const totals = JSON.stringify(buckets());
    await sealDays(parts);
    const archived = await archiveDays(parts, archivedBefore);
    if (archived === 0) return 'nothing was archived';
    await writer.execute('ledger.catchUp', {});
    if (JSON.stringify(buckets()) !== totals) return 'the totals changed when days were archived';
    return (await verify()).problem;
  } finally {
    await close();
  }
}

const flippable = [
  'position',
  'event_id',
  'type',
  'schema',
  'actor',
  'occurred_at',
  'recorded_at',
  'boot_id',
  'body',
  'hash',
];

/** Flips one bit of one column of one event, looks whether it is found, and puts it back. */
async function countMissedFlips(seed: number, flips: number, atEnd: AtEnd): Promise<number> {
  const { file, close } = await openHistory(seed, 200, atEnd);
  await close();
  const orm = await openDatabase(file, entities, 'write');
  const connection = await connectionOf(orm);
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  connection.exec('drop trigger usage_event_no_update');
  const last = connection.prepare('select max(position) from usage_event').pluck().get() as number;
  try {
    return await withScratch(async (scratch) => {
      let missed = 0;
      for (let flip = 0; flip < flips; flip++) {
        const position = 1 + below(last);
        const column = flippable[below(flippable.length)] as string;
        const before = connection.prepare(`select ${column} from usage_event where position = ?`).pluck().get(position);
        const after = flipped(before, below);
        const set = connection.prepare(`update usage_event set ${column} = ? where position = ?`);
        try {
          set.run(after, position);
        } catch {
          // What the database itself refuses, such as a second event with the same position, cannot happen to it either.
          continue;
        }
        if ((await verdictOf()).isSound) missed++;
        set.run(before, column === 'position' ? after : position);
      }
      return missed;

      async function verdictOf(): Promise<Pick<Verdict, 'isSound'>> {
        return verifyLedger(orm, scratch, () => {}, sign);
      }
    });
  } finally {
    await orm.close();
  }
}

function flipped(value: unknown, below: (limit: number) => number): unknown {
  if (value === null) return 'x';
  if (typeof value === 'number') return value ^ (1 << below(20));
  const bytes = Buffer.from(value as string | Buffer);
  const place = below(bytes.length);
  // Of a text the low bits alone: what is no UTF-8 any more could not be stored as a text.
  bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << below(typeof value === 'string' ? 3 : 8)), place);
  return typeof value === 'string' ? bytes.toString('utf8') : bytes;
}

async function timeLongHistory(seed: number, events: number, atEnd: AtEnd): Promise<EqualResult> {
  const { file, close } = await openHistory(seed, events, atEnd);
  await close();
  const orm = await openDatabase(file, entities, 'write');
  try {
    const begun = performance.now();
    await withScratch((scratch) => rebuildProjections(orm, scratch, () => {}), file);
    const rebuilt = performance.now();
    const chain = await verifyLedger(orm, null, () => {}, sign);
    const checked = performance.now();
    const whole = await withScratch((scratch) => verifyLedger(orm, scratch, () => {}, sign));
    const timings = {
      events,
      rebuildMs: rebuilt - begun,
      chainMs: checked - rebuilt,
      verifyMs: performance.now() - checked,
    };
    return { problem: chain.problem ?? whole.problem, timings };
  } finally {
    await orm.close();
  }
}
