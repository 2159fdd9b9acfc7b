import { registerHooks } from 'node:module';
import Database from 'better-sqlite3';

/**
 * Loaded into a server before its own modules: gives it a bug that a trial has to find.
 * @throws when the source to be changed is not there any more
 */
const bugs: Record<string, { module: string; from: string; to: string }> = {
  /** Goes on before an event is on disk. */
  'append without waiting': {
    module: 'server/ledger/ledger.ts',
    from: `append: (event) => execute('ledger.append', { event }),`,
    to: `append: async (event) => void execute('ledger.append', { event }).catch(() => {}),`,
  },
  'orphans stay open': {
    module: 'server/ledger/ledger-commands.ts',
    from: 'events: [...closed, started]',
    to: 'events: closed.length < 0 ? closed : [started]',
  },
  'exit without draining': {
    module: 'server/main.ts',
    from: 'const stop = async () => {',
    to: 'const stop = async () => { process.exit(0);',
  },
};

const name = new URL(import.meta.url).searchParams.get('bug') ?? '';
const bug = bugs[name];
if (bug) plant(bug);
else if (name === 'commits not synced') leaveCommitsInCache();
else throw new Error(`There is no bug named ${name}.`);

function plant({ module, from, to }: { module: string; from: string; to: string }): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(module)) return loaded;
      const source = String(loaded.source);
      if (!source.includes(from)) throw new Error(`The bug finds no place in ${module}.`);
      return { ...loaded, source: source.replace(from, to) };
    },
  });
}

/** As SQLite is without `synchronous = FULL`: a commit is not yet on disk when it counts. */
function leaveCommitsInCache(): void {
  const { pragma } = Database.prototype;
  Database.prototype.pragma = function relaxed(this: Database.Database, source: string, options) {
    return pragma.call(this, source === 'synchronous = FULL' ? 'synchronous = NORMAL' : source, options);
  } as typeof pragma;
}
