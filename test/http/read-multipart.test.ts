import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMultipart } from '../../server/http/read-multipart.ts';
import { startTestGateway } from '../support/gateway.ts';

const type = 'multipart/form-data; boundary=edge';
const bytesMax = 30_000_000;

/** A part of a form, with its head as it is. */
const part = (head: string, value: string) => `--edge\r\n${head}\r\n\r\n${value}\r\n`;
const field = (name: string, value: string) => part(`content-disposition: form-data; name="${name}"`, value);
const file = (name: string, value: string) =>
  part(`content-disposition: form-data; name="${name}"; filename="dir/a.mp3"\r\ncontent-type: Audio/MPEG`, value);
const end = '--edge--\r\n';

/** A request with this body, which arrives in pieces of this length. */
function requestOf(body: string | Buffer, headers: Record<string, string>, pieceLength = 65_536) {
  const bytes = Buffer.from(body);
  const count = Math.ceil(bytes.length / pieceLength);
  const pieces = Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * pieceLength, (index + 1) * pieceLength),
  );
  return Object.assign(Readable.from(pieces), { headers, complete: true }) as unknown as IncomingMessage;
}

const read = (
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': type },
  pieceLength?: number,
) => readMultipart(requestOf(body, headers, pieceLength), bytesMax);

describe('a form', () => {
  const upload = { filename: 'a.mp3', mimeType: 'audio/mpeg', data: Buffer.from('ID3 ü') };

  test.each([1, 7, 65_536])('is read as it is sent, in pieces of %i bytes', async (pieceLength) => {
    const body = `before\r\n${file('file', 'ID3 ü')}${field('model', 'm')}${field('prompt', 'größer\r\n--edg')}${end}after`;
    expect(await read(body, undefined, pieceLength)).toEqual({
      value: { file: upload, model: 'm', prompt: 'größer\r\n--edg' },
      bytes: Buffer.byteLength(body),
    });
  });

  test('has lists of what comes more than once, or under the name of a list', async () => {
    const fields = ['a', 'b[]', 'c[0]', 'c[1]', 'a', 'd[key]'].map((name, index) => field(name, String(index)));
    const files = file('image[]', 'ID3 ü') + file('picture', 'ID3 ü') + file('picture', 'ID3 ü');
    expect((await read(fields.join('') + files + end)).value).toEqual({
      a: ['0', '4'],
      b: ['1'],
      c: ['2', '3'],
      'd[key]': '5',
      image: [upload],
      picture: [upload, upload],
    });
  });

  test('with the names of what every object has is an object like any other', async () => {
    const { value } = await read(field('__proto__', 'x') + field('constructor', 'y') + end);
    expect(Object.entries(value as object)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  const inside = field('model', 'm') + file('file', 'ID3 sound');
  test.each([
    ['is empty', '', 400, 'invalid_multipart', null],
    ['is no form at all', 'no form at all', 400, 'invalid_multipart', null],
    ['ends inside a file', inside, 400, 'invalid_multipart', 'file'],
    ['ends inside a head', `${inside}--edge\r\ncontent-dis`, 400, 'invalid_multipart', null],
    ['has a part without a name', part('content-disposition: form-data', 'x') + end, 400, 'invalid_multipart', null],
    [
      'has a file without a name',
      part('content-disposition: form-data; filename="a"', 'x') + end,
      400,
      'invalid_multipart',
      null,
    ],
    ['has too many fields', field('f', '').repeat(101) + end, 400, 'invalid_multipart', null],
    ['has too many files', file('image', 'x').repeat(17) + end, 400, 'invalid_multipart', null],
    ['has a long text', field('prompt', 'x'.repeat(1024 * 1024 + 1)) + end, 413, 'request_too_large', 'prompt'],
    ['has a long file', file('file', 'x'.repeat(25 * 1024 * 1024 + 1)) + end, 413, 'request_too_large', 'file'],
    ['is long', file('image', 'x'.repeat(2_000_000)).repeat(16), 413, 'request_too_large', null],
  ])('that %s is refused', async (_what, body, status, code, param) => {
    await expect(read(body)).rejects.toMatchObject({ status, code, param });
  });

  test('may have as much as the limits allow', async () => {
    const largest = file('file', 'x'.repeat(25 * 1024 * 1024)) + field('prompt', 'x'.repeat(1024 * 1024));
    const { value } = await read(largest + field('f', '').repeat(99) + end);
    const { file: sound, prompt } = value as { file: { data: Buffer }; prompt: string };
    expect([sound.data.length, prompt.length]).toEqual([25 * 1024 * 1024, 1024 * 1024]);
  });

  test.each([
    [{ 'content-type': 'multipart/form-data' }, 400, 'invalid_multipart'],
    [{ 'content-type': 'multipart/form-data; boundary=' }, 400, 'invalid_multipart'],
    [{ 'content-type': 'multipart/form-data; boundary=other' }, 400, 'invalid_multipart'],
    [{ 'content-type': 'multipart/mixed; boundary=edge' }, 415, 'unsupported_media_type'],
    [{ 'content-type': 'application/json' }, 415, 'unsupported_media_type'],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    [{}, 415, 'unsupported_media_type'],
    [{ 'content-type': type, 'content-encoding': 'gzip' }, 415, 'unsupported_encoding'],
    [{ 'content-type': type, 'content-length': String(bytesMax + 1) }, 413, 'request_too_large'],
  ])('with the headers %j is refused', async (headers: Record<string, string>, status, code) => {
    await expect(read(inside + end, headers)).rejects.toMatchObject({ status, code });
  });
});

test('bytes of any kind are a form or an error of the caller: no hang, no crash', async () => {
  const whole = Buffer.from(`${field('model', 'm')}${file('file', 'ID3 sound')}${field('b[]', '')}${end}`);
  const change = fc.record({
    at: fc.nat(whole.length),
    cut: fc.nat(20),
    put: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom('\r\n', '\r', '--edge', '--edge--', '"', ';', '\0')),
  });
  const pieceLengths = fc.integer({ min: 1, max: whole.length });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 4 }), pieceLengths, async (changes, pieceLength) => {
      const body = changes.reduce(
        (bytes, { at, cut, put }) => Buffer.concat([bytes.subarray(0, at), Buffer.from(put), bytes.subarray(at + cut)]),
        whole,
      );
      const result = await read(body, undefined, pieceLength).catch((error: unknown) => error);
      if (result instanceof Error) expect(result).toMatchObject({ name: 'ApiError', status: 400 });
    }),
    { numRuns: 500 },
  );
});

describe('an endpoint', () => {
  async function startWithKey() {
    const gateway = await startTestGateway();
    const { apiKey } = await gateway.openai();
    const authorization = `Bearer ${apiKey}`;
    const post = async (path: string, contentType: string, body: string) => {
      const headers = { authorization, 'content-type': contentType };
      const response = await fetch(gateway.url + path, { method: 'POST', body, headers });
      const answer = (await response.json()) as { error?: { code: string; param: string | null; message: string } };
      return { status: response.status, ...answer.error };
    };
    return { ...gateway, authorization, post };
  }
  const body = field('model', 'gemini-3.5-flash') + file('file', 'ID3 sound') + end;

  test('that takes a form says so when it gets JSON, and the other way round', async () => {
    const { gemini, post } = await startWithKey();
    const refused = { status: 415, code: 'unsupported_media_type', param: null };
    const asJson = await post('/v1/images/edits', 'application/json', '{"model":"m"}');
    expect(asJson).toMatchObject({ ...refused, message: expect.stringContaining('not application/json') });
    const asForm = await post('/v1/images/generations', type, body);
    expect(asForm).toMatchObject({ ...refused, message: expect.stringContaining('takes JSON') });
    expect(gemini.generations()).toEqual([]);
  });

  test('is not harmed by a caller who hangs up in the middle of a form', async () => {
    const { url, authorization, post, app } = await startWithKey();
    const path = '/v1/audio/transcriptions';
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const head = [`POST ${path} HTTP/1.1`, 'host: x', `authorization: ${authorization}`, `content-type: ${type}`];
    const half = `${head.join('\r\n')}\r\ncontent-length: 1000\r\n\r\n${file('file', 'ID3')}--edge\r\n`;
    await new Promise<void>((sent) => socket.write(half, () => sent()));
    socket.destroy();
    expect(await post(path, type, body)).toEqual({ status: 200 });
    expect(app.openCalls()).toBe(0);
  });
});
