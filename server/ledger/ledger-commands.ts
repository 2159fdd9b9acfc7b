import type { Connection } from '../database.ts';
import type { CommandHandler } from './commands.ts';
import type { Charge, NewEvent, RequestAborted, RequestAccepted, TokenUsage, UsageSource } from './events.ts';
import { Request } from './projections/requests.ts';
import { settle } from './settle.ts';

/** What a request in progress has used so far, as its last chunk told. */
export interface SeenUsage {
  requestId: string;
  usage: TokenUsage;
  charge?: Charge;
}

const nothing: TokenUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  totalTokens: 0,
};

const append: CommandHandler<{ event: NewEvent }, void> = (_transaction, { event }) => ({
  events: [event],
  result: undefined,
});

interface Start {
  version: string;
  nodeVersion: string;
  /** What the prompts of the requests cost that a crash left open, by request, as far as prices are known. */
  charges?: Record<string, Charge>;
}

/**
 * The first command of a process. Only one process writes, so every open request belongs to one that died: each is closed here,
 * before anything is served, with what is known of its usage.
 */
const startNode: CommandHandler<Start, { recovered: number }> = async (
  { em, connection, now },
  { version, nodeVersion, charges = {} },
) => {
  const orphans = await em.find(Request, { outcome: 'IN_PROGRESS' }, { orderBy: { acceptedPosition: 'asc' } });
  const seen = readSeen(connection);
  const readBody = connection.prepare<[number], string>('select body from usage_event where position = ?').pluck();
  const closed = orphans.map((request): NewEvent => {
    const accepted = JSON.parse(readBody.get(request.acceptedPosition) as string) as RequestAccepted;
    const known = { seen: seen.get(request.requestId), promptCharge: charges[request.requestId] };
    return { body: closedByRecovery(request, accepted, known, now), occurredAt: now };
  });
  connection.exec('delete from usage_seen');
  const sqliteVersion = connection.prepare<[], string>('select sqlite_version()').pluck().get() as string;
  const started: NewEvent = { body: { type: 'NodeStarted', version, nodeVersion, sqliteVersion }, occurredAt: now };
  return { events: [...closed, started], result: { recovered: orphans.length } };
};

const stopNode: CommandHandler<Record<string, never>, null> = ({ now }) => ({
  events: [{ body: { type: 'NodeStopped' }, occurredAt: now }],
  result: null,
});

/** What it is for, the writer does: see `writer/batch.ts`. */
const catchUp: CommandHandler<Record<string, never>, null> = () => ({ events: [], result: null });

/** Keeps what the open requests have used so far, for the case that this process dies. Replaces what was kept before. */
const noteUsage: CommandHandler<{ seen: SeenUsage[] }, null> = ({ connection }, { seen }) => {
  connection.exec('delete from usage_seen');
  const insert = connection.prepare('insert into usage_seen (request_id, usage) values (?, ?)');
  for (const entry of seen) insert.run(entry.requestId, JSON.stringify(entry));
  return { events: [], result: null };
};

export const ledgerCommands = {
  'ledger.append': append,
  'ledger.startNode': startNode,
  'ledger.stopNode': stopNode,
  'ledger.catchUp': catchUp,
  'ledger.noteUsage': noteUsage,
};

function readSeen(connection: Connection): Map<string, SeenUsage> {
  const rows = connection.prepare<[], string>('select usage from usage_seen').pluck().all();
  return new Map(rows.map((row) => JSON.parse(row) as SeenUsage).map((seen) => [seen.requestId, seen]));
}

/** What is known of a request beside its events. */
interface Known {
  seen: SeenUsage | undefined;
  promptCharge: Charge | undefined;
}

function closedByRecovery(request: Request, accepted: RequestAccepted, known: Known, now: number): RequestAborted {
  const { usage, charge, usageSource } = lastKnown(request, accepted, known);
  // Its earlier calls have been told by events of their own, and count for the budgets too.
  const totalTokens = request.totalTokens + usage.totalTokens;
  const costPico = String(BigInt(request.costPico) + BigInt(charge?.costPico ?? 0));
  const spent = {
    usage: { ...usage, totalTokens },
    charge: { costPico, priceId: charge?.priceId ?? '' },
    hasFailed: true,
  };
  return {
    type: 'RequestAborted',
    requestId: request.requestId,
    by: 'crash-recovery',
    attempt: request.attempts.length + 1,
    upstreamKeyId: request.upstreamKeyId ?? '',
    durationMs: Math.max(0, now - request.startedAt),
    timeToFirstTokenMs: null,
    servedModel: null,
    usage,
    usageSource,
    ...(charge && { charge }),
    ...(accepted.reservations && { settlements: settle(accepted.reservations, spent) }),
  };
}

/** What was seen before the crash; else the prompt, which has gone upstream by all that is known. */
function lastKnown(
  { totalTokens }: Request,
  { promptTokens }: RequestAccepted,
  { seen, promptCharge }: Known,
): { usage: TokenUsage; charge: Charge | undefined; usageSource: UsageSource } {
  if (seen) return { usage: seen.usage, charge: seen.charge, usageSource: 'last-seen' };
  // Of several calls some are told already: what the others have used is not known.
  if (promptTokens === undefined || totalTokens > 0)
    return { usage: nothing, charge: undefined, usageSource: 'unknown' };
  const usage = { ...nothing, inputTokens: promptTokens, totalTokens: promptTokens };
  return { usage, charge: promptCharge, usageSource: 'reserved' };
}
