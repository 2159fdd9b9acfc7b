import { type CheckName, checks } from './checks.ts';
import type { Client } from './client.ts';

/** How one check of one client went. */
export type Cell =
  | { state: 'passed' }
  | { state: 'not offered'; note: string }
  /** `error` as it was thrown; the note is for the page, so it names no address and no time. */
  | { state: 'failed'; note: string; error: unknown };

export interface Row {
  client: Client;
  /** Of the installed package. */
  version: string;
  cells: Map<CheckName, Cell>;
}

const marks = { passed: '✓', 'not offered': '–', failed: '✗' };
const columns = Object.keys(checks) as CheckName[];

/** The page `docs/compatibility.md`. The same result makes the same bytes. */
export function toPage(rows: Row[]): string {
  const notes: string[] = [];
  const mark = (cell: Cell | undefined) => {
    if (cell === undefined) return '';
    if (cell.state === 'passed') return marks.passed;
    if (!notes.includes(cell.note)) notes.push(cell.note);
    return `${marks[cell.state]}[^${notes.indexOf(cell.note) + 1}]`;
  };
  const lines = rows.map(({ client, version, cells }) => [
    `[${client.package}](../test/clients/${client.file})`,
    version,
    `\`${client.endpoint}\``,
    ...columns.map((name) => mark(cells.get(name))),
  ]);
  const table = [
    ['client', 'version', 'endpoint', ...columns],
    ['---', '---', '---', ...columns.map(() => ':-:')],
    ...lines,
  ].map((line) => `| ${line.join(' | ')} |`);
  const footnotes = notes.map((note, index) => `[^${index + 1}]: ${note}`);
  return [introduction, table.join('\n'), ...(notes.length > 0 ? [footnotes.join('\n')] : [])]
    .join('\n\n')
    .concat('\n');
}

const introduction = `# Compatibility

<!-- Written by \`npm run compat\`. -->

Each row is a client library, unchanged and pointed at the gateway by address and key alone; its link shows how. Behind the
gateway stands a simulated Gemini that refuses what Google refuses. ✓ means that the client showed what Gemini said, to the
token, and that Gemini got what the client said; ✗ that it did not; – that the client does not have it. *tools* is a
conversation: two calls at once, one more, an answer, another question, each call with the thought signature that Gemini gave.
*errors* are a bad key, an unknown model, a spent quota and an answer that breaks off. *abort* ends the call to Gemini within
250 ms.`;

const idWidth = 26;
const cellWidth = (name: string) => name.length + 2;

/** The first line of the matrix on a terminal. */
export function toHeader(): string {
  return ' '.repeat(idWidth) + columns.map((name) => name.padEnd(cellWidth(name))).join('');
}

/** A row on a terminal. */
export function toLine({ client, cells }: Row): string {
  const shown = columns.map((name) => {
    const cell = cells.get(name);
    return (cell ? marks[cell.state] : '').padEnd(cellWidth(name));
  });
  return client.id.padEnd(idWidth) + shown.join('');
}
