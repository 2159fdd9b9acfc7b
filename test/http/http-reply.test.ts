import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { HttpReply } from '../../server/http/http-reply.ts';

/** A stream with a heartbeat of a few milliseconds, and what its reader has got so far. */
async function openStream(heartbeat?: string) {
  const { promise, resolve } = Promise.withResolvers<HttpReply>();
  const server = createServer((_request, response) => {
    const reply = new HttpReply(response, {}, 5);
    reply.expectStream({}, heartbeat);
    resolve(reply);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { body } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  const until = async (text: string) => {
    while (!seen.includes(text)) seen += (await reader?.read())?.value ?? '';
    const before = seen;
    seen = '';
    return before;
  };
  return { reply: await promise, until };
}

test('silence is broken by comments until the stream has begun, then by the event of its format', async () => {
  const { reply, until } = await openStream('event: ping\n\n');
  expect(await until(': keep-alive\n\n')).not.toContain('ping');
  reply.write('event: start\n\n');
  await until('event: start\n\n');
  expect(await until('event: ping\n\n')).not.toContain('keep-alive');
  reply.end('event: stop\n\n');
  await until('event: stop\n\n');
});

test('silence is broken by comments where a format has no event for it', async () => {
  const { reply, until } = await openStream();
  reply.write('data: 1\n\n');
  await until('data: 1\n\n');
  await until(': keep-alive\n\n');
  reply.end('');
});
