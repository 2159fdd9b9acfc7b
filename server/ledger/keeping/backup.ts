import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { type Connection, DatabaseError } from '../../database.ts';

/** What is written beside a backup, so that it can be told whether it is whole. */
const manifestShape = z.object({
  /** Of the program that made it. */
  version: z.string(),
  migrations: z.array(z.string()),
  headPosition: z.int().nonnegative(),
  headHash: z.string(),
  sha256: z.string(),
  createdAt: z.string(),
});
export type Manifest = z.infer<typeof manifestShape>;

/** Where the manifest of a backup lies. */
export function manifestOf(file: string): string {
  return `${file}.manifest.json`;
}

/** Copies a database while others read and write it; pages that change meanwhile are copied again. @throws DatabaseError when the file is there */
export async function backUp(
  connection: Connection,
  file: string,
  { version, createdAt }: { version: string; createdAt: string },
  onProgress: (pagesLeft: number) => void = () => {},
): Promise<Manifest> {
  for (const path of [file, manifestOf(file)])
    if (existsSync(path)) throw new DatabaseError(`${path} is there already.`);
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  await connection.backup(draft, {
    progress({ remainingPages }) {
      onProgress(remainingPages);
      return pagesAtOnce;
    },
  });
  const copy = describe(draft);
  const manifest: Manifest = { version, createdAt, ...copy, sha256: await sha256Of(draft) };
  renameSync(draft, file);
  writeFileSync(manifestOf(file), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  return manifest;
}

const pagesAtOnce = 1000;

/** Reads a backup's manifest and checks that the file is the one it was written for. @throws DatabaseError */
export async function requireWhole(file: string): Promise<Manifest> {
  if (!existsSync(file)) throw new DatabaseError(`There is no backup at ${file}.`);
  if (!existsSync(manifestOf(file)))
    throw new DatabaseError(`${manifestOf(file)} is missing: nobody can tell whether the backup is whole.`);
  const manifest = manifestShape.safeParse(readJson(manifestOf(file))).data;
  if (!manifest) throw new DatabaseError(`${manifestOf(file)} is no manifest of a backup.`);
  if ((await sha256Of(file)) !== manifest.sha256)
    throw new DatabaseError(`${file} is not the file that its manifest was written for: it is cut or damaged.`);
  return manifest;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function describe(file: string): Pick<Manifest, 'migrations' | 'headPosition' | 'headHash'> {
  const copy = new DatabaseSync(file);
  try {
    // So that it needs no second file beside it.
    copy.exec('pragma journal_mode = DELETE');
    const head = copy.prepare('select position, lower(hex(hash)) as hash from ledger_head').get();
    const migrations = copy.prepare('select name from mikro_orm_migrations order by id').all();
    return {
      migrations: migrations.map(({ name }) => String(name)),
      headPosition: Number(head?.position),
      headHash: String(head?.hash),
    };
  } finally {
    copy.close();
  }
}

async function sha256Of(file: string): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(file), digest);
  return digest.digest('hex');
}
