import pino from 'pino';
import { createApp } from '../../server/app.ts';
import { readConfig } from '../../server/config.ts';
import { createHttpServer } from '../../server/http/server.ts';
import { startWriter, type Writer } from '../../server/writer/writer.ts';

/** The gateway with a ledger that drops the events of requests: what it costs without one. Everything else is as ever. */
const config = readConfig();
const app = await createApp(config, pino({ level: 'silent' }), { startWriter: startDroppingWriter });
createHttpServer(app.koa.callback(), app.socket).listen(config.listen.port, config.listen.host);

async function startDroppingWriter(...args: Parameters<typeof startWriter>): Promise<Writer> {
  const writer = await startWriter(...args);
  const execute = (name: string, input: unknown) => {
    const { event } = input as { event?: { body: object } };
    return name === 'ledger.append' && event && 'requestId' in event.body
      ? Promise.resolve()
      : writer.execute(name as never, input as never);
  };
  return { ...writer, execute: execute as Writer['execute'] };
}
