import { Pool } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { brokenMessage, createEgress } from '../../server/gemini/egress.ts';
import { createGeminiClient, type GeminiCall } from '../../server/gemini/gemini-client.ts';
import { classifyFailure } from '../../server/pool/classify-failure.ts';
import { freePort } from '../support/free-port.ts';
import { startProxy, startSilentProxy, startSocksProxy } from '../support/proxy.ts';
import { startSimulatedGemini } from '../support/simulated-gemini.ts';

const quiet = { onChunk: () => {}, onRead: () => true, onStart: () => {} };
const plan = (proxyUrl: string | null): GeminiCall => ({
  model: 'gemini-3.8-flash',
  action: 'generateContent',
  body: '{"contents":[]}',
  key: { apiKey: 'AIzaFirst-0123456789', proxyUrl },
  ...quiet,
});

async function start(connectMs?: number) {
  const gemini = await startSimulatedGemini();
  const connect = connectMs === undefined ? undefined : { timeout: connectMs };
  const client = createGeminiClient({ baseUrl: gemini.url, httpsProxy: null, noProxy: null, connect });
  onTestFinished(() => client.close());
  return { gemini, client, target: new URL(gemini.url).host };
}

describe('a call by a proxy', () => {
  test.each([
    ['HTTP', startProxy],
    ['SOCKS 5', startSocksProxy],
  ])('goes by %s with its name and password, whatever is called with the key', async (_name, open) => {
    const proxy = await open('m%40e:p%3Ass%25');
    const { client, target, gemini } = await start();
    const { key } = plan(proxy.url);
    expect(await client.call(plan(proxy.url))).toMatchObject({ kind: 'answered' });
    expect(await client.listModels(key)).toMatchObject({ kind: 'listed' });
    expect(await client.read('/v1beta/files/abc', key)).toMatchObject({ kind: 'answered' });
    const forward = { method: 'POST', path: '/v1beta/files', headers: {}, body: null, key, onStart: () => {} };
    expect(await client.forward({ ...forward, onHead: () => {}, onBytes: () => true })).toEqual({ kind: 'answered' });
    expect(gemini.calls).toHaveLength(4);
    const { length } = proxy.tunnels;
    expect([...new Set(proxy.tunnels)]).toEqual([target]);
    expect(JSON.stringify(gemini.calls)).not.toMatch(/proxy-authorization/i);
    expect(await client.call(plan(null))).toMatchObject({ kind: 'answered' });
    expect(proxy.tunnels).toHaveLength(length);
  });

  test('that refuses, cannot be reached or says nothing is broken, told by its address, and no fault of the key', async () => {
    const [http, socks, silent] = [await startProxy(), await startSocksProxy(), await startSilentProxy()];
    const closed = `127.0.0.1:${await freePort()}`;
    const { client, gemini } = await start(100);
    const told = (text: string) => expect.stringMatching(text);
    const cases: [string, unknown][] = [
      [`http://me:wrong-word@${http.host}`, `The proxy http://${http.host} wants another name or password (HTTP 407).`],
      [`http://me:wrong-word@${closed}`, `The proxy http://${closed} cannot be reached: ECONNREFUSED.`],
      [`socks5://me:wrong-word@${closed}`, `The proxy socks5://${closed} cannot be reached: ECONNREFUSED.`],
      [`socks5://me:wrong-word@${socks.host}`, told(`^By the proxy socks5://${socks.host}: .`)],
      [`http://me:wrong-word@${silent}`, told(`^By the proxy http://${silent}: .`)],
      [`socks5://me:wrong-word@${silent}`, told(`proxy socks5://${silent}`)],
    ];
    for (const [url, message] of cases) {
      const end = await client.call(plan(url));
      expect(end).toEqual({ kind: 'broken', message });
      expect(JSON.stringify(end)).not.toContain('wrong-word');
      if (end.kind !== 'broken') continue;
      expect(classifyFailure(end, 0)).toMatchObject({ class: 'transient', keyAction: { kind: 'none' } });
    }
    expect(gemini.calls).toHaveLength(0);
  });
});

test('what a broken call tells holds neither the name nor the password of its proxy', () => {
  const error = Object.assign(new Error('no way to http://me:a%20b@host with me and a b'), { code: 'UND_ERR' });
  expect(brokenMessage(error, 'http://me:a%20b@host')).toBe(
    'By the proxy http://host:80: no way to http://…:…@host with … and …',
  );
  expect(brokenMessage(new Error('Proxy response (403) !== 200 when HTTP Tunneling'), 'http://host')).toBe(
    'The proxy http://host:80 refuses to connect (HTTP 403).',
  );
});

test('of too many proxies the one used longest ago is given up: its calls come to their end', async () => {
  const gemini = await startSimulatedGemini();
  const gate = Promise.withResolvers<void>();
  gemini.answerWith(({ path }) => ({
    async write(response) {
      if (path === '/waits') await gate.promise;
      response.end('{}');
    },
  }));
  const [first, second, third] = [await startProxy('a:1'), await startProxy('b:2'), await startProxy('c:3')];
  const options = { headersTimeout: 10_000, bodyTimeout: 10_000, connectTimeout: 10_000 };
  const egress = createEgress(new Pool(gemini.url), options, 2);
  onTestFinished(() => egress.destroy());
  const get = async (proxyUrl: string, path: string) =>
    (await egress.by(proxyUrl).request({ origin: gemini.url, path, method: 'GET' })).statusCode;
  const waiting = get(first.url, '/waits');
  await expect.poll(() => gemini.calls.length).toBe(1);
  expect(await get(second.url, '/')).toBe(200);
  expect(await get(third.url, '/')).toBe(200);
  expect(egress.by(third.url)).toBe(egress.by(third.url));
  gate.resolve();
  expect(await waiting).toBe(200);
  expect(await get(first.url, '/')).toBe(200);
  expect([first.tunnels.length, second.tunnels.length, third.tunnels.length]).toEqual([2, 1, 1]);
});
