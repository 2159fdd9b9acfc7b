import { openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { createLedger } from '../../server/ledger/ledger.ts';
import { startWriter } from '../../server/writer/writer.ts';
import { history } from '../support/request-history.ts';

/** Appends for ever, sixteen requests at a time, and prints the id of each request whose end was acknowledged. */
const [file = '', run = ''] = process.argv.slice(2);
const writer = await startWriter(file, run);
await writer.execute('ledger.startNode', { version: '0', nodeVersion: process.version });
const orm = await openDatabase(file, entities, 'read');
const ledger = createLedger({ ...writer, orm });

async function client(name: string): Promise<never> {
  for (let count = 1; ; count++) {
    const request = history(`req_${run}_${name}_${count}`);
    await ledger.append(request.accepted());
    await ledger.append(request.completed());
    process.stdout.write(`req_${run}_${name}_${count}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, (_, index) => client(String(index))));
