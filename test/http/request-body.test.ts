import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { readEvents } from '../support/ledger.ts';
import { openRawSocket } from '../support/raw-socket.ts';

const bodyBytesMax = 100_000_000;
/** For busy machines. */
const patience = { timeout: 15_000 };

async function startWithKey() {
  const gateway = await startTestGateway();
  const authorization = `Bearer ${await gateway.createClientKey()}`;
  const post = async (body: Buffer | string, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { authorization, ...headers }, body: body as BodyInit };
    const response = await fetch(`${gateway.url}/v1/chat/completions`, init);
    const { error = {} } = (await response.json()) as { error?: { code?: string; message?: string } };
    return { status: response.status, code: error.code, message: error.message };
  };
  return { ...gateway, authorization, post };
}

const request = { model: 'gemini-3.8-flash', messages: [{ role: 'user', content: '你好, 🌍' }] };
const json = Buffer.from(JSON.stringify(request));
const contents = [{ role: 'user', parts: [{ text: '你好, 🌍' }] }];

test('a body may be packed as clients pack it', async () => {
  const { post, gemini } = await startWithKey();
  const packed: [string, Buffer][] = [
    ['gzip', gzipSync(json)],
    ['X-GZIP', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['br', brotliCompressSync(json)],
    ['zstd', zstdCompressSync(json)],
    ['identity', json],
  ];
  for (const [encoding, body] of packed)
    expect([encoding, (await post(body, { 'content-encoding': encoding })).status]).toEqual([encoding, 200]);
  expect(gemini.generations().map(({ body }) => body.contents)).toEqual(packed.map(() => contents));
});

test('a packed body is held to the same limit, and what is not packed as it says is refused', async () => {
  const { post, gemini } = await startWithKey();
  const bomb = Buffer.alloc(bodyBytesMax + 1, ' ');
  const fastest = { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } };
  const cases: [string, Buffer, number, string][] = [
    ['gzip', gzipSync(bomb, { level: 1 }), 413, 'request_too_large'],
    ['br', brotliCompressSync(bomb, fastest), 413, 'request_too_large'],
    ['zstd', zstdCompressSync(bomb), 413, 'request_too_large'],
    ['gzip', json, 400, 'invalid_encoding'],
    ['gzip', gzipSync(json).subarray(0, 20), 400, 'invalid_encoding'],
    ['gzip', gzipSync(''), 400, 'invalid_json'],
    ['gzip, gzip', gzipSync(gzipSync(json)), 415, 'unsupported_encoding'],
    ['constructor', json, 415, 'unsupported_encoding'],
  ];
  for (const [encoding, body, status, code] of cases)
    expect(await post(body, { 'content-encoding': encoding })).toMatchObject({ status, code });
  expect((await post(json, { 'content-encoding': 'lzma' })).message).toContain('gzip, x-gzip, deflate, br, zstd');
  expect(gemini.generations()).toEqual([]);
});

test('what a body says of itself does not matter as long as it is JSON in UTF-8', async () => {
  const { post, gemini } = await startWithKey();
  const bodies: [Buffer, Record<string, string>][] = [
    [Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), json]), {}],
    [json, { 'content-type': 'application/json; charset=UTF8' }],
    [json, { 'content-type': 'text/plain;charset=iso-8859-1' }],
    // As `curl -d` sends it.
    [json, { 'content-type': 'application/x-www-form-urlencoded' }],
  ];
  for (const [body, headers] of bodies) expect((await post(body, headers)).status).toBe(200);
  expect(gemini.generations().map(({ body }) => body.contents)).toEqual(bodies.map(() => contents));
});

test('what is no JSON in UTF-8 is refused with a sentence, never read as something else', async () => {
  const { post, gemini } = await startWithKey();
  const form = 'application/x-www-form-urlencoded';
  const cases: [Buffer | string, Record<string, string>, string][] = [
    [Buffer.from('{"model":"caf\xe9"}', 'latin1'), {}, 'not valid UTF-8'],
    [Buffer.from('\ufeff{"model":"m"}', 'utf16le'), {}, 'not valid UTF-8'],
    ['model=m&messages=x', { 'content-type': form }, `The body is ${form}; a JSON object is expected`],
    ['', {}, 'The body is empty'],
    ['{"model":', {}, 'not valid JSON'],
  ];
  for (const [body, headers, words] of cases) {
    const refusal = await post(body, headers);
    expect(refusal).toMatchObject({ status: 400, code: 'invalid_json' });
    expect(refusal.message).toContain(words);
  }
  expect(gemini.generations()).toEqual([]);
});

test('a large body arrives whole, in one piece or in many, and its size is in the ledger', async () => {
  const { url, folder, authorization, gemini } = await startWithKey();
  const words = '你好, 🌍'.repeat(200_000);
  const large = Buffer.from(JSON.stringify({ ...request, messages: [{ role: 'user', content: words }] }));
  async function* pieces() {
    for (let at = 0; at < large.length; at += 99_991) yield large.subarray(at, at + 99_991);
  }
  for (const body of [large, pieces()]) {
    const init = { method: 'POST', headers: { authorization }, body, duplex: 'half' } as unknown as RequestInit;
    expect((await fetch(`${url}/v1/chat/completions`, init)).status).toBe(200);
  }
  const texts = gemini.generations().map(({ body }) => body.contents[0].parts[0].text);
  expect(texts.map((text) => text === words)).toEqual([true, true]);
  const sizes = (await readEvents(folder)).flatMap((event) => ('bodyBytes' in event ? [event.bodyBytes] : []));
  expect(sizes).toEqual([large.length, large.length]);
});

test('a body that announces too much is refused before it is sent, and whoever sends on still reads the answer', async () => {
  const { port, authorization } = await startWithKey();
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n`;
  const { socket, received, closed } = openRawSocket(port, `${head}content-length: ${bodyBytesMax + 1}\r\n\r\n{`);
  await expect.poll(received, patience).toMatch(/^HTTP\/1.1 413 .*connection: close.*"request_too_large".*}}$/is);
  // The connection is not closed under whoever still sends: the system would throw the answer away with it.
  const send = (bytes: Buffer) => new Promise((resolve) => socket.write(bytes, resolve));
  for (let count = 0; count < 20; count++) expect(await send(Buffer.alloc(1_000_000))).toBeFalsy();
  socket.end();
  await closed;
});

test('a body without a length is cut off at the limit', async () => {
  const { port, authorization } = await startWithKey();
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n`;
  const { socket, received } = openRawSocket(port, `${head}transfer-encoding: chunked\r\n\r\n`);
  const piece = Buffer.alloc(10_000_000, ' ');
  const chunk = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  const isAnswered = () => received() !== '';
  for (let count = 0; count < 11 && !isAnswered(); count++)
    await new Promise((written) => socket.write(chunk, written));
  await expect.poll(received, patience).toMatch(/^HTTP\/1.1 413 .*"request_too_large"/s);
});
