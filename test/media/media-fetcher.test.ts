import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { settings } from '../../server/config.ts';
import { ApiError } from '../../server/formats/api-error.ts';
import { notFetchable } from '../../server/media/find-target.ts';
import { createMediaFetcher, type MediaFetcherOptions } from '../../server/media/media-fetcher.ts';
import { freePort } from '../support/free-port.ts';

const png = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on', 'latin1');
const asMedia = { mimeType: 'image/png', data: png.toString('base64') };
const param = 'messages[1].content[0].image_url.url';
const bytesMax = 20_000_000;

const allow = (text: string) => settings.IMAGE_FETCH_ALLOW.parse(text) ?? expect.unreachable(text);
const refusal = (message: string | RegExp) =>
  expect.objectContaining({ status: 400, code: 'invalid_image_url', param, message: expect.stringMatching(message) });
const guardRefusal = refusal(notFetchable().message);

/** A host for media, on this machine. */
async function serve(answer: RequestListener, { host = '127.0.0.1', port = 0 } = {}) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  }).listen(port, host);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address() as AddressInfo;
  return { port: address.port, url: `http://${host}:${address.port}`, asked };
}

/** A fetcher that may fetch from 127.0.0.1 on any port, and for which every name is that machine. */
function fetcher(options: Partial<MediaFetcherOptions> = {}) {
  const media = createMediaFetcher({ allow: allow('127.0.0.1'), resolve: async () => ['127.0.0.1'], ...options });
  onTestFinished(() => media.close());
  return media;
}

const send = (body: Buffer | string, headers: Record<string, string | number> = {}, status = 200) =>
  ((_request, response) => response.writeHead(status, headers).end(body)) satisfies RequestListener;
const redirect = (location: string, status = 302) => send('', { location }, status);

describe('a file', () => {
  test('comes as base64 with the kind that its bytes show', async () => {
    const { url, asked } = await serve(send(png, { 'content-type': 'text/html' }));
    await expect(fetcher().fetch(`${url}/a%20b.png?size=1#part`, param)).resolves.toEqual(asMedia);
    expect(asked[0]?.url).toBe('/a%20b.png?size=1');
  });

  test('is asked for without credentials, cookies or compression', async () => {
    const { url, asked } = await serve(send(png, { 'set-cookie': 'a=b' }));
    const media = fetcher();
    await media.fetch(url, param);
    await media.fetch(url, param);
    expect(asked.map(({ headers }) => headers)).toEqual(
      Array(2).fill({
        host: url.slice('http://'.length),
        connection: 'close',
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': 'gemini-pool',
      }),
    );
  });

  test.for([
    ['image/bmp', 'image/bmp'],
    ['Video/MPEG; codecs=x', 'video/mpeg'],
    ['audio/x-ms-wma', 'audio/x-ms-wma'],
  ])('of a kind that cannot be seen is what its content type says: %s', async ([contentType, mimeType]) => {
    const { url } = await serve(send('BM', { 'content-type': contentType as string }));
    await expect(fetcher().fetch(url, param)).resolves.toEqual({ mimeType, data: 'Qk0=' });
  });

  test.for([
    ['text/html; charset=utf-8', '<!doctype html>'],
    ['application/json', '{}'],
    ['image/', 'x'],
    ['image/png', ''],
  ])('that is no media is refused: %s %j', async ([contentType, body]) => {
    const { url } = await serve(send(body as string, { 'content-type': contentType as string }));
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal(/leads to no picture, video, audio or PDF/));
  });

  test('without content type and known bytes is refused', async () => {
    const { url } = await serve(send('hello'));
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal(/leads to no picture/));
  });

  test.for(['gzip', 'br', 'GZIP, identity'])('in %s is refused', async (encoding) => {
    const { url } = await serve(
      send(gzipSync(png), { 'content-encoding': encoding as string, 'content-type': 'image/png' }),
    );
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal(/compressed/));
  });

  test.for([404, 500, 204, 206, 304])('that is answered with status %i is refused with that status', async (status) => {
    const { url } = await serve(send('', {}, status as number));
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal(`HTTP status ${status}`));
  });

  test('that breaks off is refused', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': png.length + 1 });
      response.write(png, () => response.destroy());
    });
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal(/breaks off/));
  });
});

describe('the size limit', () => {
  test('lets 20 MB pass', async () => {
    const file = Buffer.concat([png, Buffer.alloc(bytesMax - png.length, 'pixels')]);
    const { url } = await serve((_request, response) => response.end(file));
    const { data } = await fetcher().fetch(url, param);
    expect(Buffer.from(data, 'base64').equals(file)).toBe(true);
  });

  test('is applied to the announced length before a byte is read', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': bytesMax + 1 }).write(png);
    });
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal(/larger than 20 MB/));
  });

  test('ends an answer of unknown length as soon as it is too long', async () => {
    const { promise: isClosed, resolve: closed } = Promise.withResolvers<void>();
    const { url } = await serve((_request, response) => {
      response.on('close', closed);
      const piece = Buffer.alloc(1_000_000);
      const more = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more);
      more();
    });
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal(/larger than 20 MB/));
    await isClosed;
  });
});

describe('the time limit', () => {
  /** A time limit that ends when told to. */
  function deadline() {
    const end = new AbortController();
    return { end: () => end.abort(), startDeadline: () => end.signal };
  }

  test('before an answer ends in the words of the guard', async () => {
    const { end, startDeadline } = deadline();
    const { url } = await serve(end);
    await expect(fetcher({ startDeadline }).fetch(url, param)).rejects.toEqual(guardRefusal);
  });

  test('while the name is resolved ends in the words of the guard', async () => {
    const { end, startDeadline } = deadline();
    const resolve = () => {
      end();
      return new Promise<never>(() => {});
    };
    await expect(fetcher({ startDeadline, resolve }).fetch('http://slow.example/', param)).rejects.toEqual(
      guardRefusal,
    );
  });

  test('while the connection is made ends in the words of the guard', async () => {
    const { end, startDeadline } = deadline();
    // TLS with somebody who says nothing.
    const server = createSocketServer((socket) => {
      socket.on('error', () => {});
      end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await expect(fetcher({ startDeadline }).fetch(`https://127.0.0.1:${port}/`, param)).rejects.toEqual(guardRefusal);
  });

  test('covers the body', async () => {
    const { end, startDeadline } = deadline();
    const { url } = await serve((_request, response) => {
      // More than the sockets' buffers hold: once it is written, its beginning was read.
      response.write(Buffer.alloc(19_000_000), end);
    });
    await expect(fetcher({ startDeadline }).fetch(url, param)).rejects.toEqual(refusal(/takes too long/));
  });

  test('covers all redirects together', async () => {
    const { end, startDeadline } = deadline();
    let started = 0;
    const { url, asked } = await serve((request, response) => {
      if (request.url === '/end') end();
      else response.writeHead(302, { location: '/end' }).end();
    });
    const media = fetcher({
      startDeadline: () => {
        started++;
        return startDeadline();
      },
    });
    await expect(media.fetch(url, param)).rejects.toEqual(guardRefusal);
    expect(asked.map((request) => request.url)).toEqual(['/', '/end']);
    expect(started).toBe(1);
  });
});

describe('a redirect', () => {
  /** Redirects `/3` to `/2` to `/1` to `/0`, which is the picture. */
  const chain = (request: IncomingMessage, response: ServerResponse) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) response.end(png);
    else response.writeHead([301, 302, 303, 307, 308][left] ?? 302, { location: `/${left - 1}` }).end('<a>moved</a>');
  };

  test.for([1, 2, 3])('is followed %i times', async (count) => {
    const { url } = await serve(chain);
    await expect(fetcher().fetch(`${url}/${count}`, param)).resolves.toEqual(asMedia);
  });

  test('is not followed a fourth time', async () => {
    const { url, asked } = await serve(chain);
    await expect(fetcher().fetch(`${url}/4`, param)).rejects.toEqual(refusal(/redirects more than 3 times/));
    expect(asked.map((request) => request.url)).toEqual(['/4', '/3', '/2', '/1']);
  });

  test.for([
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://2852039166/',
    '//0.0.0.0/',
    'http://user@127.0.0.1/',
    'file:///etc/passwd',
    'data:image/png;base64,iVBORw0KGgo=',
    'http://',
  ])('to %s is refused like that address itself', async (location) => {
    const { url } = await serve(redirect(location as string));
    const media = fetcher();
    await expect(media.fetch(url, param)).rejects.toEqual(guardRefusal);
    await expect(media.fetch(location as string, param)).rejects.toEqual(guardRefusal);
  });

  test('is checked at every step of a chain', async () => {
    const { url, asked } = await serve((request, response) => {
      response.writeHead(302, { location: request.url === '/' ? '/next' : 'http://127.0.0.2/' }).end();
    });
    await expect(fetcher().fetch(url, param)).rejects.toEqual(guardRefusal);
    expect(asked.map((request) => request.url)).toEqual(['/', '/next']);
  });

  test('with a body is not read to its end', async () => {
    const { promise: isClosed, resolve: closed } = Promise.withResolvers<void>();
    const { url } = await serve((request, response) => {
      if (request.url !== '/') return response.end(png);
      // Not by the server: it waits for more to send.
      response.on('close', closed);
      response.writeHead(302, { location: '/next' }).write('<a>moved</a>');
    });
    await expect(fetcher().fetch(url, param)).resolves.toEqual(asMedia);
    await isClosed;
  });

  test('without a place to go is no file', async () => {
    const { url } = await serve(send('', {}, 302));
    await expect(fetcher().fetch(url, param)).rejects.toEqual(refusal('HTTP status 302'));
  });
});

/** A name server that gives one answer after the other. */
function rebinding(answers: string[]) {
  const asked: string[] = [];
  const resolve = async (host: string) => [answers[asked.push(host) - 1] ?? answers.at(-1) ?? ''];
  return { resolve, asked };
}

describe('a name that changes its address (DNS rebinding)', () => {
  // Only Linux answers on all of 127.0.0.0/8.
  test.skipIf(process.platform !== 'linux')('is connected to at the address that was checked', async () => {
    const good = await serve(send(png), { host: '127.0.0.2' });
    const secret = await serve(send('secret'), { port: good.port });
    const { resolve, asked } = rebinding(['127.0.0.2', '127.0.0.1']);
    const media = fetcher({ allow: allow('127.0.0.2'), resolve });
    await expect(media.fetch(`http://rebind.example:${good.port}/`, param)).resolves.toEqual(asMedia);
    await expect(media.fetch(`http://rebind.example:${good.port}/`, param)).rejects.toEqual(guardRefusal);
    expect(asked).toHaveLength(2);
    expect(good.asked).toHaveLength(1);
    expect(secret.asked).toHaveLength(0);
  });

  test('is checked again after a redirect to itself', async () => {
    const { port, asked: served } = await serve(redirect('/again'));
    const { resolve, asked } = rebinding(['127.0.0.1', '10.0.0.1']);
    await expect(fetcher({ resolve }).fetch(`http://rebind.example:${port}/`, param)).rejects.toEqual(guardRefusal);
    expect(asked).toEqual(['rebind.example', 'rebind.example']);
    expect(served).toHaveLength(1);
  });

  test('is tried at each of its checked addresses', async () => {
    const { port } = await serve(send(png));
    const resolve = async () => ['127.0.0.3', '127.0.0.1'];
    const media = fetcher({ allow: allow('127.0.0.0/8'), resolve });
    await expect(media.fetch(`http://two.example:${port}/`, param)).resolves.toEqual(asMedia);
  });
});

describe('the allow-list opens a private host', () => {
  test.for(['media.internal', '127.0.0.1', '127.0.0.0/30'])('by %s', async (entry) => {
    const { port, asked } = await serve(send(png));
    const media = fetcher({ allow: allow(entry as string) });
    await expect(media.fetch(`http://media.internal:${port}/`, param)).resolves.toEqual(asMedia);
    expect(asked[0]?.headers.host).toBe(`media.internal:${port}`);
  });

  test("and the machine's own resolver finds it", async () => {
    const { port } = await serve(send(png));
    const media = fetcher({ allow: allow('localhost'), resolve: undefined });
    await expect(media.fetch(`http://localhost:${port}/`, param)).resolves.toEqual(asMedia);
  });

  test('and no other', async () => {
    const { url, port, asked } = await serve(send(png));
    const media = fetcher({ allow: allow('media.internal, 127.0.0.2') });
    await expect(media.fetch(url, param)).rejects.toEqual(guardRefusal);
    await expect(media.fetch(`http://other.internal:${port}/`, param)).rejects.toEqual(guardRefusal);
    expect(asked).toHaveLength(0);
  });
});

test('the guard is no port scanner: whatever stops it before an answer, the words are the same', async () => {
  const { port } = await serve(send(png));
  const rude = createSocketServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  const chatty = createSocketServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')).listen(0, '127.0.0.1');
  await Promise.all([once(rude, 'listening'), once(chatty, 'listening')]);
  onTestFinished(() => {
    rude.close();
    chatty.close();
  });
  const portOf = (server: typeof rude) => (server.address() as AddressInfo).port;
  const unknown = async (host: string) => {
    if (host === 'private.example') return ['10.0.0.1'];
    throw new Error('ENOTFOUND');
  };
  const media = fetcher({ resolve: unknown });
  const errors = await Promise.all(
    [
      `http://127.0.0.1:${await freePort()}/`,
      `http://127.0.0.1:${portOf(rude)}/`,
      `http://127.0.0.1:${portOf(chatty)}/`,
      `https://127.0.0.1:${port}/`,
      `http://[::1]:${port}/`,
      'http://private.example/',
      'http://unknown.example/',
      'http://8.8.8.8:22/',
      'no address',
    ].map((url) => media.fetch(url, param).catch((error: ApiError) => ({ ...error, message: error.message }))),
  );
  expect(new Set(errors.map((error) => JSON.stringify(error))).size).toBe(1);
  expect(errors[0]).toEqual(guardRefusal);
});

describe('the number of downloads', () => {
  test('at once is eight', async () => {
    const open: ServerResponse[] = [];
    let openMax = 0;
    const { url } = await serve((_request, response) => {
      open.push(response);
      openMax = Math.max(openMax, open.length);
      // All places taken: one after the other may end.
      if (open.length === 8) for (const each of open.splice(0)) each.end(png);
    });
    const media = fetcher();
    const files = await Promise.all(Array.from({ length: 24 }, () => media.fetch(url, param)));
    expect(files).toEqual(Array(24).fill(asMedia));
    expect(openMax).toBe(8);
  });

  test('that wait is bounded: one too many is told to come back', async () => {
    const { url } = await serve(() => {});
    const media = fetcher();
    const waiting = Array.from({ length: 8 + 256 }, () => media.fetch(url, param).catch((error) => error));
    await expect(media.fetch(url, param)).rejects.toMatchObject({
      status: 503,
      code: 'media_overloaded',
      retryAfterMs: 1000,
    });
    media.close();
    const ends = await Promise.all(waiting);
    expect(ends).toEqual(Array(264).fill(expect.objectContaining({ status: 503, code: 'shutting_down' })));
    expect(ends[0]).toBeInstanceOf(ApiError);
  });
});

describe('an abort by the caller', () => {
  test('ends the download with its reason and closes the connection', async () => {
    const { promise: isClosed, resolve: closed } = Promise.withResolvers<void>();
    const gone = new AbortController();
    const { url } = await serve((_request, response) => {
      response.on('close', closed);
      response.write(png);
      gone.abort(new Error('The client is gone.'));
    });
    await expect(fetcher().fetch(url, param, gone.signal)).rejects.toThrow('The client is gone.');
    await isClosed;
  });

  test('before the start sends nothing', async () => {
    const { url, asked } = await serve(send(png));
    const reason = new Error('gone');
    await expect(fetcher().fetch(url, param, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(asked).toHaveLength(0);
  });
});
