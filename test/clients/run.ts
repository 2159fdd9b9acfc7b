/**
 * `npm run compat`: runs real client libraries against the gateway, with a simulated Gemini behind it, and writes
 * `docs/compatibility.md`. `--only openai` or `--only openai/stream` runs a part and writes nothing; `--verbose` shows whole errors.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startGatewayProcess } from '../support/gateway-process.ts';
import type { GeminiAnswer } from '../support/gemini-answers.ts';
import { startSimulatedGemini } from '../support/gemini-simulator.ts';
import { simulatedModels } from '../support/simulated-models.ts';
import { type Bench, type CheckName, checks, spentModel, upstreamKeyCount } from './checks.ts';
import type { Client } from './client.ts';
import { clients } from './clients.ts';
import { type Cell, type Row, toHeader, toLine, toPage } from './matrix.ts';

const page = fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url));
const cellMsMax = 10_000;
const noteLengthMax = 300;
const model = 'gemini-3.8-flash';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, verbose: { type: 'boolean', default: false } },
});
const [onlyClient, onlyCheck] = options.only?.split('/') ?? [];
const chosenClients = clients.filter(({ id }) => onlyClient === undefined || id === onlyClient);
const chosenChecks = (Object.keys(checks) as CheckName[]).filter(
  (name) => onlyCheck === undefined || name === onlyCheck,
);
if (chosenClients.length === 0 || chosenChecks.length === 0) {
  const known = [clients.map(({ id }) => id), Object.keys(checks)].map((names) => names.join(', '));
  console.error(`--only takes a client (${known[0]}), or a client and a check (${known[1]}), as in openai/stream.`);
  process.exit(2);
}

// The libraries have settings of their own in the environment, which might point somewhere else or report to their makers.
for (const name of Object.keys(process.env)) {
  if (/^(OPENAI|ANTHROPIC|GOOGLE|GEMINI|LANGCHAIN|LANGSMITH)_/.test(name)) delete process.env[name];
}

const gemini = await startSimulatedGemini({ models: [...simulatedModels, ...clients.map(spentModel)] });
const keys = Array.from({ length: upstreamKeyCount }, (_, index) => `AQ.simulated-key-${index}`);
const gateway = await startGatewayProcess({ env: { GEMINI_BASE_URL: gemini.url, GEMINI_API_KEYS: keys.join(',') } });
const key = await gateway.createClientKey('compat');
let scripted: GeminiAnswer[] = [];
gemini.script({ answer: () => scripted.shift() ?? null });

/** What was thrown where nobody waits for it: a mistake of the client whose check is running. */
let strayError: unknown;
process.on('unhandledRejection', (error) => {
  strayError ??= error;
});

console.log(toHeader());
const rows: Row[] = [];
for (const client of chosenClients) {
  const row: Row = { client, version: installedVersion(client.package), cells: new Map() };
  for (const name of chosenChecks) row.cells.set(name, await runCell(client, name));
  console.log(toLine(row));
  rows.push(row);
}
await gateway.stop();
gateway.removeData();
await gemini.close();

const all = rows.flatMap(({ client, cells }) =>
  [...cells].map(([name, cell]) => ({ id: `${client.id}/${name}`, cell })),
);
for (const { id, cell } of all) {
  if (cell.state === 'failed') console.log(`\n✗ ${id}:`, options.verbose ? cell.error : cell.note);
}
if (options.only === undefined) writeFileSync(page, toPage(rows));
const count = (state: Cell['state']) => all.filter(({ cell }) => cell.state === state).length;
console.log(`\n${count('passed')} passed, ${count('not offered')} not offered, ${count('failed')} failed`);
process.exit(count('failed') === 0 ? 0 : 1);

async function runCell(client: Client, name: CheckName): Promise<Cell> {
  const why = client.notOffered?.[name as 'embeddings'];
  if (why !== undefined) return { state: 'not offered', note: why };
  scripted = [];
  strayError = undefined;
  const since = gemini.calls.length;
  const bench: Bench = {
    gateway: { url: gateway.url, key, model },
    script(...next) {
      scripted = next;
    },
    // The gateway asks for the list of models on its own account.
    calls: () => gemini.calls.slice(since).filter(({ action }) => action !== 'models'),
  };
  try {
    await withinTime(checks[name](client, bench));
    if (strayError !== undefined) throw strayError;
    return { state: 'passed' };
  } catch (error) {
    return { state: 'failed', note: toNote(error), error };
  }
}

async function withinTime(work: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`No end within ${cellMsMax / 1000} s.`)), cellMsMax);
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An error in one line, without what differs from run to run. */
function toNote(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(gateway.url, '').replace(/\s+/g, ' ').slice(0, noteLengthMax).trim();
}

function installedVersion(name: string): string {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}
