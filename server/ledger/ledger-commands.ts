import type { CommandHandler } from './commands.ts';
import type { NewEvent, RequestAborted, TokenUsage } from './events.ts';
import { Request } from './projections/requests.ts';

const unknownUsage: TokenUsage = {
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

/**
 * The first command of a process. Only one process writes, so every open request belongs to one that died: each is closed here,
 * before anything is served, with its usage flagged as unknown.
 */
const startNode: CommandHandler<{ version: string; nodeVersion: string }, { recovered: number }> = async (
  { em, now },
  { version, nodeVersion },
) => {
  const orphans = await em.find(Request, { outcome: 'IN_PROGRESS' }, { orderBy: { acceptedPosition: 'asc' } });
  const closed: NewEvent[] = orphans.map((request) => ({ body: closedByRecovery(request, now), occurredAt: now }));
  const started: NewEvent = { body: { type: 'NodeStarted', version, nodeVersion }, occurredAt: now };
  return { events: [...closed, started], result: { recovered: orphans.length } };
};

const stopNode: CommandHandler<Record<string, never>, null> = ({ now }) => ({
  events: [{ body: { type: 'NodeStopped' }, occurredAt: now }],
  result: null,
});

export const ledgerCommands = {
  'ledger.append': append,
  'ledger.startNode': startNode,
  'ledger.stopNode': stopNode,
};

function closedByRecovery(request: Request, now: number): RequestAborted {
  return {
    type: 'RequestAborted',
    requestId: request.requestId,
    by: 'crash-recovery',
    attempt: request.attempts.length + 1,
    upstreamKeyId: request.upstreamKeyId ?? '',
    durationMs: Math.max(0, now - request.startedAt),
    timeToFirstTokenMs: null,
    servedModel: null,
    usage: unknownUsage,
    usageSource: 'unknown',
  };
}
