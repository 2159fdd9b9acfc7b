import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { migrate, type Orm, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import type { NewEvent, UsageEventBody } from '../../server/ledger/events.ts';
import { createLedger } from '../../server/ledger/ledger.ts';
import { UsageEvent } from '../../server/ledger/usage-event.entity.ts';
import { type Verdict, verifyLedger } from '../../server/ledger/verify.ts';
import { startWriter } from '../../server/writer/writer.ts';
import { type AtEnd, temporaryFolder } from './temporary-folder.ts';

/** The real writer on a real file, with a reading connection and the ledger over both. */
export async function openTestLedger(file = join(temporaryFolder(), 'pool.db')) {
  const writer = await startWriter(file, 'boot-test');
  const orm = await openDatabase(file, entities, 'read');
  const ledger = createLedger({ ...writer, orm });
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await writer.close();
    await orm.close();
  };
  onTestFinished(close);
  return { file, writer, orm, ledger, close, verify: () => verify(orm) };
}

/** A data folder in which this has happened already, for a gateway to start on. */
export async function dataFolderWith(events: readonly NewEvent[]): Promise<string> {
  const folder = temporaryFolder();
  const { ledger, close } = await openTestLedger(join(folder, 'gemini-pool.db'));
  for (const event of events) await ledger.append(event);
  await close();
  return folder;
}

/** Checks a ledger against a rebuild in a scratch file. */
export async function verify(orm: Orm, atEnd?: AtEnd): Promise<Verdict> {
  const scratch = await openDatabase(join(temporaryFolder(atEnd), 'scratch.db'), entities, 'write');
  await migrate(scratch);
  try {
    return await verifyLedger(orm, scratch, () => {});
  } finally {
    await scratch.close();
  }
}

/** The events in the ledger of a running gateway, in order. @param folder Its DATA_DIR. */
export async function readEvents(folder: string): Promise<UsageEventBody[]> {
  const orm = await openDatabase(join(folder, 'gemini-pool.db'), entities, 'read');
  try {
    const rows = await orm.em.fork().find(UsageEvent, {}, { orderBy: { position: 'asc' } });
    return rows.map(({ body }) => JSON.parse(body));
  } finally {
    await orm.close();
  }
}
