import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { isMainThread } from 'node:worker_threads';
import Database from 'better-sqlite3';

/**
 * Loaded into a server before its own modules: the process kills itself when it has come to a named point so many times. The points are
 * those of Node, the HTTP client and SQLite, so that the server's own code runs as it is.
 */
const { searchParams } = new URL(import.meta.url);
const wanted = searchParams.get('point');
let left = Number(searchParams.get('passes'));

function pass(point: string): void {
  if (point !== wanted || --left > 0) return;
  process.kill(process.pid, 'SIGKILL');
}

if (isMainThread) {
  onRequest('http.server.request.start', 'request begun');
  onRequest('http.server.response.finish', 'answer sent');
  onCall('undici:request:create', 'call begun');
  onCall('undici:request:bodySent', 'call sent');
  onCall('undici:request:headers', 'call answered');
  onCall('undici:request:trailers', 'call ended');
} else {
  watchTransactions();
}

/** Requests of clients, not those of the admin API. */
function onRequest(channel: string, point: string): void {
  subscribe(channel, (message) => {
    const { request } = message as { request: IncomingMessage };
    if (request.url?.startsWith('/v1')) pass(point);
  });
}

/** Calls that make a model work. */
function onCall(channel: string, point: string): void {
  subscribe(channel, (message) => {
    const { request } = message as { request: { method: string } };
    if (request.method === 'POST') pass(point);
  });
}

/** Points of the transactions that hold an event: when it is inserted, before their commit and after it. */
function watchTransactions(): void {
  let inserted: string[] = [];
  const passAll = (moment: string) => {
    for (const type of new Set(inserted)) pass(`${type} ${moment}`);
  };
  const { prepare } = Database.prototype;
  Database.prototype.prepare = function prepareWatched(this: Database.Database, sql: string) {
    const statement = prepare.call(this, sql) as Database.Statement<unknown[]>;
    const run = statement.run.bind(statement);
    if (sql === 'commit') {
      statement.run = () => {
        passAll('committing');
        const result = run();
        passAll('committed');
        inserted = [];
        return result;
      };
    } else if (sql.startsWith('insert into usage_event')) {
      statement.run = (...values) => {
        const result = run(...values);
        const type = String(values[2]);
        inserted.push(type);
        pass(`${type} inserted`);
        return result;
      };
    }
    return statement;
  } as typeof prepare;
}
