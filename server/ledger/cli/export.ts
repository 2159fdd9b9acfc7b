import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { connectionOf } from '../../database.ts';
import { readHistory } from '../history.ts';
import type { Command } from './command.ts';
import { openLedger } from './databases.ts';
import { type ExportFormat, exportFormats } from './export-formats.ts';
import { createProgress } from './progress.ts';

export const exportEvents: Command = {
  usage: `export --output <file> [--format csv|ndjson|cloudevents] [--after <position>]
    Writes the events after a position (default: all) into a file, one a line; archived ones too. The result tells the position to
    go on from. ndjson (the default) holds all that the hashes cover, and can be verified by itself with verify --file. The server
    may be running.`,
  options: { format: { type: 'string' }, after: { type: 'string' }, output: { type: 'string' } },
  async run({ format: name = 'ndjson', after = '0', output }, { databaseFile }) {
    const format = typeof name === 'string' && Object.hasOwn(exportFormats, name) ? exportFormats[name] : undefined;
    if (!format) throw new Error(`--format takes ${Object.keys(exportFormats).join(', ')}.`);
    if (typeof after !== 'string' || !/^\d{1,15}$/.test(after))
      throw new Error('--after takes a position, such as 1200.');
    if (typeof output !== 'string' || output === '')
      throw new Error('--output takes the name of a file that is not there yet.');
    const ledger = await openLedger(databaseFile, 'read');
    try {
      const written = await writeEvents(await connectionOf(ledger), { format, after: Number(after), output });
      const { eventCount, lastPosition, lastHash } = written;
      const sentence = `EXPORTED ${eventCount} events to ${output}. Go on with --after ${lastPosition}; the hash there is ${lastHash}.`;
      return { isGood: true, sentence, data: { ...written, output } };
    } finally {
      await ledger.close();
    }
  },
};

/** What was written waits for the disk now and then, so that memory stays as it is. */
async function writeEvents(
  connection: Awaited<ReturnType<typeof connectionOf>>,
  { format, after, output }: { format: ExportFormat; after: number; output: string },
) {
  const file = createWriteStream(output, { flags: 'wx', mode: 0o600 });
  await once(file, 'open');
  const progress = createProgress('exported up to');
  let eventCount = 0;
  let lastPosition = after;
  let lastHash: string | null = null;
  if (format.header) file.write(`${format.header}\r\n`);
  for (const page of readHistory(connection, after)) {
    const lines = page.map((event) => `${format.line(event)}${format.header ? '\r\n' : '\n'}`);
    if (!file.write(lines.join(''))) await once(file, 'drain');
    eventCount += page.length;
    lastPosition = page.at(-1)?.position ?? lastPosition;
    lastHash = page.at(-1)?.hash ?? lastHash;
    progress(lastPosition);
  }
  file.end();
  await finished(file);
  return { eventCount, lastPosition, lastHash };
}
