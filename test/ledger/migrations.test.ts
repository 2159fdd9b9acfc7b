import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { connectionOf, openDatabase, requireMigrated } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { createAppender } from '../../server/ledger/append.ts';
import { findRequests } from '../../server/ledger/projections/requests.ts';
import { readUsage } from '../../server/ledger/usage-report.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const noon = Date.parse('2026-11-23T12:00:00Z');

/** A file as the first version left it: one request that ended, one that a crash left open. */
async function firstVersionFile(): Promise<string> {
  const file = join(temporaryFolder(), 'pool.db');
  const orm = await openDatabase(file, entities, 'write');
  await orm.migrator.up({ to: 'Migration20261123000000_initial' });
  const connection = await connectionOf(orm);
  const appender = createAppender(connection, 'boot-old');
  const done = history('req_done', noon);
  const accepted = done.accepted();
  const named = { ...accepted, body: { ...accepted.body, clientRequestId: 'theirs' } as typeof accepted.body };
  for (const event of [named, done.completed(), history('req_open', noon).accepted()]) {
    appender.append(event, event.occurredAt);
  }
  appender.saveHead();
  connection.exec(`
    insert into request (accepted_position, request_id, outcome, format, client_key_id, upstream_key_id, requested_model,
      served_model, is_streaming, http_status, finish_reason, input_tokens, output_tokens, total_tokens, usage_source, started_at,
      duration_ms, time_to_first_token_ms, attempts)
    values
      (1, 'req_done', 'SUCCEEDED', 'openai-chat', 'ck_1', 'uk_1', 'gemini-flash-latest', 'gemini-3.8-flash', 0, 200, 'STOP',
        10, 5, 15, 'upstream', ${noon}, 40, 20,
        '[{"number":1,"upstreamKeyId":"uk_1","durationMs":40,"httpStatus":200,"failure":null}]'),
      (3, 'req_open', 'IN_PROGRESS', 'openai-chat', 'ck_1', 'uk_1', 'gemini-flash-latest', null, 0, null, null, 0, 0, 0, null,
        ${noon}, null, null, '[]');
    insert into usage_bucket values (${noon}, 'ck_1', 'uk_1', 'gemini-flash-latest', 1, 1, 0, 0, 0, 10, 0, 5, 0, 15, 0, ${noon});
    insert into projection_checkpoint values ('request', 3), ('usage_bucket', 3);`);
  await expect(requireMigrated(orm)).rejects.toThrow('older version');
  await orm.close();
  return file;
}

test('a database of the first version is brought up to date at the start, stays sound, and goes on counting', async () => {
  const file = await firstVersionFile();
  const { writer, ledger, orm, verify } = await openTestLedger(file);
  await requireMigrated(orm);
  // What it was like before is kept.
  const copies = readdirSync(dirname(file)).filter((name) => name.includes('before-update'));
  expect(copies).toEqual(['pool.db.before-update-from-Migration20261123000000_initial']);
  expect(await verify()).toMatchObject({ isSound: true, problem: null, headPosition: 3 });
  const [found] = (await findRequests(orm, { first: 9, after: null, clientRequestId: 'theirs' })).nodes;
  expect(found?.requestId).toBe('req_done');
  const versions = { version: '1', nodeVersion: '24' };
  expect(await writer.execute('ledger.startNode', versions)).toEqual({ recovered: 1 });
  const next = history('req_next', noon);
  await ledger.append(next.accepted({ client: 0, restored: 2, placeholder: 1 }));
  await ledger.append(next.completed());
  await ledger.caughtUp();
  const { total } = readUsage(await connectionOf(orm), { fromMs: null, toMs: noon + 1, timeZone: 'UTC' });
  expect(total).toMatchObject({ requests: 3, clientSignatures: 0, restoredSignatures: 2, placeholderSignatures: 1 });
  expect((await verify()).problem).toBeNull();
});
