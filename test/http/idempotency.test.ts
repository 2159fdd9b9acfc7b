import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { googleError, text } from '../support/simulated-gemini.ts';

/** A gateway and a way to ask it with an `Idempotency-Key`. */
async function start() {
  const gateway = await startTestGateway();
  const secret = await gateway.createClientKey();
  const ask = async (key: string, { content = 'Hello', stream = false, client = secret } = {}) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client}`, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ model: 'gemini-3.8-flash', stream, messages: [{ role: 'user', content }] }),
    });
    const body = await response.text();
    const code = response.status === 200 ? null : JSON.parse(body).error.code;
    return { status: response.status, body, code, headers: response.headers };
  };
  return { ...gateway, ask };
}

describe('a request that is repeated with its Idempotency-Key', () => {
  test('gets the first answer again and is not made twice', async () => {
    const { ask, gemini } = await start();
    const first = await ask('key-1');
    const second = await ask('key-1');
    expect(second.body).toBe(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(gemini.generations()).toHaveLength(1);
  });

  test('is told to wait while the first one is on its way', async () => {
    const { ask, gemini } = await start();
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    gemini.answerWith(() => ({
      async write(response) {
        reached.resolve();
        await released.promise;
        response.setHeader('content-type', 'application/json').end(JSON.stringify(text('Hello')));
      },
    }));
    const first = ask('key-1');
    await reached.promise;
    const second = await ask('key-1');
    expect([second.status, second.code, second.headers.get('retry-after')]).toEqual([409, 'request_in_progress', '1']);
    released.resolve();
    expect((await first).status).toBe(200);
  });

  test('is refused with another body', async () => {
    const { ask } = await start();
    await ask('key-1');
    expect(await ask('key-1', { content: 'Other' })).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });

  test('is told which request it was when its answer is not kept: after a stream, a failure, a restart', async () => {
    const { ask, restart, gemini } = await start();
    const streamed = await ask('streamed', { stream: true });
    const again = await ask('streamed', { stream: true });
    expect(again).toMatchObject({ status: 409, code: 'request_already_made' });
    expect(again.body).toContain(streamed.headers.get('x-request-id'));
    gemini.answerWith(() => googleError(400, 'INVALID_ARGUMENT', 'no'));
    expect((await ask('failed')).status).toBe(400);
    expect(await ask('failed')).toMatchObject({ status: 409, code: 'request_already_made' });
    gemini.answerWith(() => null);
    await ask('kept');
    await restart();
    expect(await ask('kept')).toMatchObject({ status: 409, code: 'request_already_made' });
    expect(gemini.generations()).toHaveLength(3);
  });

  test('may be made again when it never was', async () => {
    const { ask } = await start();
    expect((await ask('key-1', { content: '' })).status).toBe(400);
    expect((await ask('key-1')).status).toBe(200);
  });

  test('of another client is another request', async () => {
    const { ask, createClientKey, gemini } = await start();
    await ask('key-1');
    expect((await ask('key-1', { client: await createClientKey() })).status).toBe(200);
    expect(gemini.generations()).toHaveLength(2);
  });

  test('has a key of 1 to 255 characters', async () => {
    const { ask } = await start();
    expect((await ask('k'.repeat(256))).status).toBe(400);
    expect((await ask('k'.repeat(255))).status).toBe(200);
  });
});
