import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createGeminiClient, type GeminiCall } from '../../server/gemini/gemini-client.ts';
import type { GenerateContentResponse } from '../../server/gemini/types.ts';

const apiKey = 'AIzaSyTest-0123456789';
const chunk = (text: string) => ({ candidates: [{ content: { parts: [{ text }] } }] });
const frame = (text: string) => `data: ${JSON.stringify(chunk(text))}\r\n\r\n`;

/** A Gemini that answers every call by one handler, and a client for it. */
async function start(answer: RequestListener, clock?: () => number) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}/base/`;
  const client = createGeminiClient({ baseUrl, httpsProxy: null, noProxy: null, clock });
  onTestFinished(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  return { client, server };
}

/** A call, what it received, and its abort. */
function call(more: Partial<GeminiCall> = {}) {
  const received: GenerateContentResponse[] = [];
  const aborter = { abort: () => {} };
  const plan: GeminiCall = {
    model: 'gemini-3.8-flash',
    action: 'streamGenerateContent',
    body: '{"contents":[]}',
    key: { apiKey },
    onChunk: (chunk) => received.push(chunk),
    onRead: () => true,
    onStart: (abort) => {
      aborter.abort = abort;
    },
    ...more,
  };
  return { plan, received, abort: () => aborter.abort() };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

const send = (status: number, body: string) => (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'text/event-stream' }).end(body);
};

describe('a call', () => {
  test('goes to the model by its action, with the key in one header and nowhere else', async () => {
    const seen: { url?: string; body: string; headers: IncomingMessage['headers'] }[] = [];
    const { client } = await start(async (request, response) => {
      seen.push({ url: request.url ?? '', headers: request.headers, body: await bodyOf(request) });
      response.end(JSON.stringify(chunk('hi')));
    });
    const end = await client.call(call({ action: 'generateContent', model: 'a b' }).plan);
    await client.call(call().plan);
    expect(end).toMatchObject({ kind: 'answered', responses: [chunk('hi')] });
    expect(seen.map(({ url }) => url)).toEqual([
      '/base/v1beta/models/a%20b:generateContent',
      '/base/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse',
    ]);
    expect(seen[0]).toMatchObject({ body: '{"contents":[]}', headers: { 'x-goog-api-key': apiKey } });
    expect(seen[0]?.headers).not.toHaveProperty('authorization');
  });

  test('passes on the chunks of a stream as they come', async () => {
    const { promise: hasFirst, resolve: gotFirst } = Promise.withResolvers<void>();
    const { client } = await start(async (_request, response) => {
      response.write(frame('a'));
      await hasFirst;
      response.end(frame('b') + frame('c'));
    });
    const { plan, received } = call({
      onRead: () => {
        gotFirst();
        return true;
      },
    });
    expect(await client.call(plan)).toMatchObject({ kind: 'answered' });
    expect(received).toEqual([chunk('a'), chunk('b'), chunk('c')]);
  });

  test('reads nothing more while it is paused', async () => {
    const { promise: paused, resolve: pause } = Promise.withResolvers<() => void>();
    const { client } = await start(async (_request, response) => {
      response.write(frame('a'));
      await paused;
      response.end(frame('b'));
    });
    const { plan, received } = call({
      onRead: (resume) => {
        if (received.length > 1) return true;
        pause(resume);
        return false;
      },
    });
    const ended = client.call(plan);
    const resume = await paused;
    expect(received).toEqual([chunk('a')]);
    resume();
    expect(await ended).toMatchObject({ kind: 'answered' });
    expect(received).toEqual([chunk('a'), chunk('b')]);
  });
});

describe('a failed call', () => {
  test('is an error with the status and the text, whatever the content type says', async () => {
    const text = JSON.stringify({ error: { code: 503, status: 'UNAVAILABLE' } });
    const { client } = await start(send(503, text));
    expect(await client.call(call().plan)).toEqual({ kind: 'error', status: 503, text });
  });

  test('never shows the key that Google echoes', async () => {
    const { client } = await start(send(403, JSON.stringify({ error: { message: `Key ${apiKey} is bad.` } })));
    const end = await client.call(call().plan);
    expect(end).toMatchObject({ kind: 'error', text: expect.stringContaining('Key [key] is bad.') });
  });

  test('is an error when a stream carries one, after the chunks that came before it', async () => {
    const { client } = await start(send(200, `${frame('a')}{\n "error": {"status": "RESOURCE_EXHAUSTED"}\n}`));
    const { plan, received } = call();
    expect(await client.call(plan)).toMatchObject({ kind: 'error', status: 429 });
    expect(received).toEqual([chunk('a')]);
  });

  test('is an error when an unstreamed 200 carries one', async () => {
    const { client } = await start(send(200, '{"error":{"code":500}}'));
    expect(await client.call(call({ action: 'generateContent' }).plan)).toMatchObject({ kind: 'error', status: 500 });
  });

  test.each(['<html>', '', '5', 'data: {"candidates":[{"con'])('is broken by the answer %j', async (body) => {
    const { client } = await start(send(200, body));
    expect(
      await client.call(call({ action: body.startsWith('data') ? 'streamGenerateContent' : 'generateContent' }).plan),
    ).toMatchObject({ kind: 'broken' });
  });

  test('is broken by a reset in the middle', async () => {
    const { client } = await start((_request, response) => {
      response.write(frame('a'), () => response.destroy());
    });
    expect(await client.call(call().plan)).toMatchObject({ kind: 'broken', message: expect.stringMatching(/./) });
  });

  test('is broken, with a reason, when nobody listens', async () => {
    const { client, server } = await start(send(200, ''));
    server.close();
    expect(await client.call(call().plan)).toMatchObject({ kind: 'broken', message: expect.stringMatching(/./) });
  });
});

describe('an aborted call', () => {
  test('hangs up on Google at once', async () => {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    const { client } = await start((_request, response) => {
      response.on('close', close);
      response.write(frame('a'));
    });
    const { plan, abort } = call({
      onRead: () => {
        abort();
        return true;
      },
    });
    expect(await client.call(plan)).toEqual({ kind: 'aborted' });
    await closed;
  });

  test('does not wait for a connection, and nothing is sent', async () => {
    let calls = 0;
    const { client } = await start((_request, response) => {
      calls++;
      response.end('{}');
    });
    const early = call({ onStart: (abort) => abort() });
    expect(await client.call(early.plan)).toEqual({ kind: 'aborted' });
    const late = call();
    const ended = client.call(late.plan);
    late.abort();
    expect(await ended).toEqual({ kind: 'aborted' });
    await client.call(call({ action: 'generateContent' }).plan);
    expect(calls).toBe(1);
  });
});

test('a list of models is read page by page', async () => {
  const { client } = await start((request, response) => {
    const isFirst = !request.url?.includes('pageToken=next');
    const page = isFirst
      ? { models: [{ name: 'models/a' }], nextPageToken: 'next' }
      : { models: [{ name: 'models/b' }] };
    response.end(JSON.stringify(page));
  });
  const models = [{ name: 'models/a' }, { name: 'models/b' }];
  expect(await client.listModels({ apiKey })).toEqual({ kind: 'listed', models });
});

test('a forwarded answer that drips on is ended after 25 minutes', async () => {
  let nowMs = 0;
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const { client } = await start(
    (_request, response) => {
      response.on('close', close);
      response.write('first');
      const drip = () => {
        if (!response.destroyed) response.write('drop', () => setImmediate(drip));
      };
      drip();
    },
    () => nowMs,
  );
  const minuteMs = 60_000;
  let pieces = 0;
  const end = await client.forward({
    method: 'GET',
    path: '/v1beta/files/abc:download',
    headers: {},
    body: null,
    key: { apiKey },
    onStart: () => {},
    onHead: () => {},
    onBytes: () => {
      pieces++;
      nowMs += 10 * minuteMs;
      return true;
    },
  });
  expect(end).toEqual({ kind: 'broken', message: 'The answer takes too long.' });
  // At 0, 10 and 20 minutes.
  expect(pieces).toBe(3);
  await closed;
});

describe('a proxy', () => {
  async function startProxy() {
    const firstLines: string[] = [];
    const server = createSocketServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        firstLines.push(bytes.toString('latin1').split('\r\n')[0] ?? '');
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, firstLines };
  }

  test.each([
    ['is asked for a tunnel to Google', null, ['CONNECT gemini.invalid:443 HTTP/1.1']],
    ['is passed by for hosts that need none', 'gemini.invalid', []],
  ])('%s', async (_name, noProxy, expected) => {
    const proxy = await startProxy();
    const client = createGeminiClient({ baseUrl: 'https://gemini.invalid', httpsProxy: proxy.url, noProxy });
    onTestFinished(() => client.close());
    expect(await client.call(call().plan)).toMatchObject({ kind: 'broken' });
    expect(proxy.firstLines).toEqual(expected);
  });
});
