import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Papa from 'papaparse';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../server/config.ts';
import { runCommand } from '../../server/ledger/cli/run-command.ts';
import { lockDataDir } from '../../server/lock-data-dir.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A command line on the ledger of a folder. Names of files are of that folder. */
async function run(folder: string, ...words: string[]) {
  const names = new Set(['--output', '--from', '--file']);
  const placed = words.map((word, index) => (names.has(words[index - 1] ?? '') ? resolve(folder, word) : word));
  const config = () => readConfig({ DATA_DIR: folder, DATABASE_URL: 'sqlite:pool.db' }, folder);
  const { status, output, complaint } = await runCommand(placed, config);
  return { status, stdout: output, stderr: complaint };
}

/** A folder with a ledger of some requests, one of them with a name that a spreadsheet would run. */
async function folderWithLedger(): Promise<string> {
  const folder = temporaryFolder();
  const { ledger, close } = await openTestLedger(join(folder, 'pool.db'));
  for (const name of ['req_1', 'req_2', 'req_3']) {
    await ledger.append(history(name).accepted());
    await ledger.append(history(name).completed());
  }
  const evil = history('req_4').rejected();
  await ledger.append({ ...evil, body: { ...evil.body, requestedModel: '=cmd()|"x",\n' } as typeof evil.body });
  await close();
  return folder;
}

const linesOf = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n');

describe('an export', () => {
  test('in NDJSON is all of the ledger, and can be verified by itself', async () => {
    const folder = await folderWithLedger();
    expect((await run(folder, 'export', '--output', 'all.ndjson')).stdout).toMatch(
      /^EXPORTED 7 events to \S+all.ndjson. Go on with --after 7;/,
    );
    const verdict = await run(folder, 'verify', '--file', 'all.ndjson');
    expect(verdict.stdout).toMatch(/^SOUND: 7 events, head [0-9a-f]{64}\.$/);
    const whole = await run(folder, 'verify', '--json');
    expect(verdict.stdout).toContain(JSON.parse(whole.stdout).headHash);
  });

  test('that is gone on with is the same as one at once', async () => {
    const folder = await folderWithLedger();
    await run(folder, 'export', '--output', 'all');
    writeFileSync(join(folder, 'first'), `${linesOf(folder, 'all').slice(0, 3).join('\n')}\n`);
    const { stdout } = await run(folder, 'export', '--after', '3', '--output', 'rest', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ eventCount: 4, lastPosition: 7 });
    expect([...linesOf(folder, 'first'), ...linesOf(folder, 'rest')]).toEqual(linesOf(folder, 'all'));
    expect((await run(folder, 'verify', '--file', 'rest')).status).toBe(0);
  });

  test('that was changed, cut or shortened is found out', async () => {
    const folder = await folderWithLedger();
    await run(folder, 'export', '--output', 'all');
    const lines = linesOf(folder, 'all');
    writeFileSync(join(folder, 'changed'), lines.join('\n').replace('"bodyBytes\\":100', '"bodyBytes\\":101'));
    expect((await run(folder, 'verify', '--file', 'changed')).stdout).toBe(
      'NOT SOUND: position 1 does not match its hash.',
    );
    writeFileSync(join(folder, 'gap'), lines.toSpliced(2, 1).join('\n'));
    expect((await run(folder, 'verify', '--file', 'gap')).stdout).toBe('NOT SOUND: position 3 is missing.');
    writeFileSync(join(folder, 'cut'), lines.join('\n').slice(0, -20));
    expect((await run(folder, 'verify', '--file', 'cut')).stdout).toBe('NOT SOUND: line 7 is no event.');
  });

  test('in CSV runs nothing in a spreadsheet', async () => {
    const folder = await folderWithLedger();
    await run(folder, 'export', '--format', 'csv', '--output', 'all.csv');
    const { data, errors } = Papa.parse<Record<string, string>>(
      readFileSync(join(folder, 'all.csv'), 'utf8').trimEnd(),
      { header: true },
    );
    expect(errors).toEqual([]);
    expect(data).toHaveLength(7);
    expect(data[1]).toMatchObject({
      position: '2',
      type: 'RequestCompleted',
      total_tokens: '15',
      usage_source: 'upstream',
    });
    expect(data[6]?.requested_model).toBe('\'=cmd()|"x",\n');
  });

  test('as CloudEvents has an id by which nothing is taken in twice', async () => {
    const folder = await folderWithLedger();
    await run(folder, 'export', '--format', 'cloudevents', '--output', 'all.json');
    const events = linesOf(folder, 'all.json').map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({
      specversion: '1.0',
      source: '/gemini-pool/ledger',
      type: 'gemini-pool.RequestAccepted',
      data: { requestId: 'req_1' },
    });
    expect(new Set(events.map(({ id }) => id)).size).toBe(7);
  });

  test('says what it needs, and writes over nothing', async () => {
    const folder = await folderWithLedger();
    expect((await run(folder, 'export')).stderr).toContain('--output takes');
    expect((await run(folder, 'export', '--output', 'x', '--format', 'xml')).stderr).toContain(
      '--format takes csv, ndjson',
    );
    expect((await run(folder, 'export', '--output', 'x', '--after', 'x1')).stderr).toContain(
      '--after takes a position',
    );
    await run(folder, 'export', '--output', 'x');
    expect(await run(folder, 'export', '--output', 'x')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('EEXIST'),
    });
  });
});

describe('a backup', () => {
  test('is taken while the ledger is written, and restores to a sound one', async () => {
    const folder = temporaryFolder();
    const { ledger, close } = await openTestLedger(join(folder, 'pool.db'));
    let [isDone, count] = [false, 0];
    const writing = (async () => {
      while (!isDone) await ledger.append(history(`req_${count++}`).accepted());
    })();
    await expect.poll(() => count).toBeGreaterThan(50);
    const taken = await run(folder, 'backup', '--output', 'copy.db');
    isDone = true;
    await writing;
    await close();
    expect(taken.stdout).toMatch(/^BACKED UP \d+ events to \S+copy.db/);
    const other = temporaryFolder();
    const restored = await run(other, 'restore', '--from', join(folder, 'copy.db'));
    expect(restored.stdout).toMatch(/^RESTORED \d+ events, head [0-9a-f]{64}\.$/);
    expect((await run(other, 'verify')).status).toBe(0);
  });

  test('is refused when it is cut, changed, without a manifest, or of a newer version', async () => {
    const folder = await folderWithLedger();
    await run(folder, 'backup', '--output', 'copy.db');
    const refusal = async () => (await run(folder, 'restore', '--from', 'copy.db', '--force')).stderr;
    const bytes = readFileSync(join(folder, 'copy.db'));
    truncateSync(join(folder, 'copy.db'), bytes.length - 1);
    expect(await refusal()).toContain('cut or damaged');
    writeFileSync(join(folder, 'copy.db'), bytes);
    appendFileSync(join(folder, 'copy.db'), 'x');
    expect(await refusal()).toContain('cut or damaged');
    writeFileSync(join(folder, 'copy.db.manifest.json'), '{}');
    expect(await refusal()).toContain('no manifest');
    expect((await run(folder, 'restore', '--from', 'nowhere.db', '--force')).stderr).toContain('There is no backup');
    expect((await run(folder, 'verify')).status).toBe(0);
  });

  test('takes the place of an existing ledger only when forced, and that is kept', async () => {
    const folder = await folderWithLedger();
    await run(folder, 'backup', '--output', 'copy.db');
    expect((await run(folder, 'backup', '--output', 'copy.db')).stderr).toContain('is there already');
    expect((await run(folder, 'restore', '--from', 'copy.db')).stderr).toContain('--force replaces it');
    expect((await run(folder, 'restore', '--from', 'copy.db', '--force')).stdout).toContain(
      'What was there before is now',
    );
    expect(readdirSync(folder).filter((name) => /before-restore-[^-]+-[^-]+-\w+\.\d+Z$/.test(name))).toHaveLength(1);
    expect(existsSync(join(folder, 'pool.db.restoring'))).toBe(false);
  });

  test('is not restored under a server that runs', async () => {
    const folder = await folderWithLedger();
    await run(folder, 'backup', '--output', 'copy.db');
    const unlock = lockDataDir(folder);
    expect((await run(folder, 'restore', '--from', 'copy.db', '--force')).stderr).toContain(
      'Another gemini-pool works in',
    );
    unlock();
  });
});
