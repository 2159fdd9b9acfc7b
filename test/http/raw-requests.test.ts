import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startTestGateway, withoutPauses } from '../support/gateway.ts';
import { openRawSocket } from '../support/raw-socket.ts';
import { text } from '../support/simulated-gemini.ts';

const body = JSON.stringify({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] });

async function startWithKey() {
  const gateway = await startTestGateway({}, withoutPauses);
  const authorization = `Bearer ${await gateway.createClientKey()}`;
  /** What is answered to a head, and the body behind it. */
  const say = (lines: string[], content = body, path = '/v1/chat/completions') => {
    const head = [`POST ${path} HTTP/1.1`, 'host: x', `authorization: ${authorization}`, ...lines];
    return openRawSocket(gateway.port, `${head.join('\r\n')}\r\n\r\n${content}`).closed;
  };
  return { ...gateway, authorization, say };
}

test('what could be read in two ways is refused, and the gateway lives on', async () => {
  const { say, gemini } = await startWithKey();
  const length = `content-length: ${body.length}`;
  const size = body.length.toString(16);
  const chunked = `${size}\r\n${body}\r\n0\r\n\r\n`;
  const smuggled: [string[], string?][] = [
    [[length, 'content-length: 5']],
    [[length, length]],
    [[length, 'transfer-encoding: chunked']],
    [['transfer-encoding: chunked', 'transfer-encoding: identity']],
    [['content-length: +10']],
    [['content-length: 1e3']],
    [[length, 'x-folded: one\r\n two']],
    [[length, 'x-nul: a\0b']],
    [[length, 'x-bare-cr: a\rb']],
    [[length, 'no colon']],
    [[length, 'space before : colon']],
    [['transfer-encoding: chunked', length]],
    [['transfer-encoding: chunked'], `zz\r\n${body}\r\n0\r\n\r\n`],
    [['transfer-encoding: chunked, identity'], chunked],
    [['transfer-encoding: xchunked'], chunked],
    [['transfer-encoding: \x0bchunked'], chunked],
    [['transfer-encoding : chunked'], chunked],
    [['transfer-encoding:', ' chunked'], chunked],
    [['transfer-encoding: chunked'], chunked.replaceAll('\r\n', '\n')],
    [['transfer-encoding: chunked'], `${size}\n${body}\r\n0\r\n\r\n`],
    [['transfer-encoding: chunked'], `${size}\r\n${body}\n0\r\n\r\n`],
    [['transfer-encoding: chunked'], `0x${chunked}`],
    [['transfer-encoding: chunked'], `-${chunked}`],
    [['transfer-encoding: chunked'], `${'f'.repeat(17)}\r\n`],
    [['transfer-encoding: chunked'], `${size};a\nb\r\n${body}\r\n0\r\n\r\n`],
    [[`x: 1\n${length}`]],
    [[`x: 1\n\n${body}`]],
    [['content-length: 0x10']],
    [['content-length: -1']],
    [[`content-length: ${body.length},${body.length}`]],
    [['content-length: ']],
    [['content-length: 99999999999999999999']],
    [[' content-length: 5', length]],
  ];
  for (const [lines, content] of smuggled) {
    const answer = await say(lines, content);
    expect([lines, answer.slice(0, 12)]).toEqual([lines, 'HTTP/1.1 400']);
    expect(answer).toMatch(/\r\nx-request-id: req_[0-9a-f]{32}\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param: null, code: 'malformed_request' },
    });
  }
  expect(gemini.generations()).toEqual([]);
  expect(await say([length, 'connection: close'])).toContain('HTTP/1.1 200 OK');
});

describe('on one connection', () => {
  const ask = (authorization: string, words: string) => {
    const content = body.replace('"x"', `"${words}"`);
    const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: ${authorization}`];
    return `${[...head, `content-length: ${content.length}`].join('\r\n')}\r\n\r\n${content}`;
  };
  const health = 'GET /healthz HTTP/1.1\r\nhost: x\r\n';
  const smuggling = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n';
  const outlineOf = (answers: string) => answers.match(/HTTP\/1\.1 \d+|answer to \w+|malformed_request/g);

  /** A gateway whose Gemini answers the first question once the others are answered, or when it is told to. */
  async function startPipelining() {
    const gateway = await startWithKey();
    const { promise: mayAnswerFirst, resolve: answerFirst } = Promise.withResolvers<void>();
    gateway.gemini.answerWith(({ text: asked }) => ({
      write: async (response) => {
        if (asked.includes('first')) await mayAnswerFirst;
        else answerFirst();
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(text(`answer to ${/first|second|third/.exec(asked)?.[0]}`)));
      },
    }));
    return { ...gateway, answerFirst };
  }

  test('requests are answered in the order in which they came', async () => {
    const { port, authorization } = await startPipelining();
    const asked = [...['first', 'second', 'third'].map((words) => ask(authorization, words)), health];
    const answers = await openRawSocket(port, `${asked.join('')}connection: close\r\n\r\n`).closed;
    expect(outlineOf(answers)).toEqual([
      'HTTP/1.1 200',
      'answer to first',
      'HTTP/1.1 200',
      'answer to second',
      'HTTP/1.1 200',
      'answer to third',
      'HTTP/1.1 200',
    ]);
  });

  test('nothing is read behind a refusal', async () => {
    const { port, authorization, gemini } = await startPipelining();
    const answers = await openRawSocket(port, smuggling + ask(authorization, 'second')).closed;
    expect(outlineOf(answers)).toEqual(['HTTP/1.1 400', 'malformed_request']);
    expect(gemini.generations()).toEqual([]);
  });

  test('a refusal is never taken for the answer to an earlier request, which is then the last', async () => {
    const { port, authorization, gemini, answerFirst } = await startPipelining();
    const { closed } = openRawSocket(port, ask(authorization, 'first') + smuggling + ask(authorization, 'second'));
    await expect.poll(() => gemini.generations().length).toBe(1);
    answerFirst();
    const answers = await closed;
    expect(outlineOf(answers)).toEqual(['HTTP/1.1 200', 'answer to first']);
    expect(answers.toLowerCase()).toContain('\r\nconnection: close\r\n');
    expect(gemini.generations()).toHaveLength(1);
  });
});

test('32 KB of headers are accepted, and headers without end are not', async () => {
  const { say } = await startWithKey();
  const length = `content-length: ${body.length}`;
  const many = Array.from({ length: 300 }, (_, index) => `x-codex-turn-${index}: ${'m'.repeat(100)}`);
  expect(many.join('\r\n').length).toBeGreaterThan(32_768);
  expect(await say([length, 'connection: close', ...many])).toContain('HTTP/1.1 200 OK');
  expect(await say([length, `x-long: ${'m'.repeat(70_000)}`])).toMatch(/^HTTP\/1.1 431 .*"headers_too_large"/s);
});

test("nothing of the client's headers goes upstream", async () => {
  const { say, gemini } = await startWithKey();
  const theirs = [
    'cookie: session=1',
    'x-goog-api-key: AIzaStolen',
    'x-goog-user-project: theirs',
    'x-api-key: theirs',
    'x-forwarded-for: 1.2.3.4',
    'x-forwarded-host: elsewhere.example',
    'forwarded: for=1.2.3.4',
    'via: 1.1 theirs',
    'te: trailers',
    'keep-alive: timeout=1000',
    'proxy-authorization: Basic dGhlaXJz',
    'x-portkey-custom-host: http://elsewhere.example',
    'user-agent: theirs',
    'accept-language: theirs',
    'referer: http://theirs.example',
    'x-client-request-id: theirs',
    'x-http-method-override: DELETE',
    '__proto__: theirs',
    'constructor: theirs',
  ];
  const content = { contents: [{ parts: [{ text: 'x' }] }] };
  const model = 'gemini-3.8-flash';
  const message = { model, max_tokens: 9, messages: [{ role: 'user', content: 'x' }] };
  const form = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n';
  const formats: [string, object | string][] = [
    ['/v1/chat/completions', message],
    ['/v1/responses', { model, input: 'x' }],
    ['/v1/messages', message],
    ['/v1/messages/count_tokens', message],
    ['/v1/completions', { model, prompt: 'x' }],
    ['/v1/embeddings', { model: 'gemini-embedding-001', input: 'x' }],
    ['/v1/images/generations', { model: 'gemini-3.1-flash-image', prompt: 'x' }],
    ['/v1/audio/speech', { model: 'gemini-3.8-flash-tts', input: 'x', voice: 'alloy' }],
    [`/openai/deployments/${model}/audio/transcriptions`, form],
    ['/v1beta/models/gemini-3.8-flash:generateContent', content],
    ['/v1beta/cachedContents', { model: `models/${model}`, ...content }],
  ];
  for (const [path, request] of formats) {
    const before = gemini.generations().length;
    const sent = typeof request === 'string' ? request : JSON.stringify(request);
    const type = typeof request === 'string' ? 'multipart/form-data; boundary=b' : 'application/json';
    await say([`content-type: ${type}`, `content-length: ${sent.length}`, 'connection: close', ...theirs], sent, path);
    const calls = gemini.generations().slice(before);
    expect([path, calls.length]).not.toEqual([path, 0]);
    const ours = ['accept', 'connection', 'content-length', 'content-type', 'host', 'x-goog-api-key'];
    for (const { headers } of calls) {
      expect([path, Object.keys(headers).filter((name) => !ours.includes(name))]).toEqual([path, []]);
      expect(headers['x-goog-api-key']).toMatch(/^AIza(First|Second)/);
      expect(JSON.stringify(headers)).not.toContain('theirs');
    }
  }
});

test('who sends a head or a body byte by byte is cut off, and nobody else waits for that', async () => {
  const limits = { headMsMax: 100, requestMsMax: 200, checkMs: 20 };
  const { port, url, createClientKey } = await startTestGateway({}, { limits });
  const secret = await createClientKey();
  const slowHead = Array.from({ length: 20 }, () =>
    openRawSocket(port, 'GET /v1/models HTTP/1.1\r\nhost: x\r\nx-slow: '),
  );
  const slowBody = openRawSocket(
    port,
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\ncontent-length: 99\r\n\r\n{`,
  );
  const dripping = setInterval(() => {
    for (const { socket } of [...slowHead, slowBody]) if (socket.writable) socket.write('.');
  }, 30);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  for (const { closed } of slowHead) expect(await closed).toMatch(/^HTTP\/1.1 408 .*"request_timeout"/s);
  expect(await slowBody.closed).toMatch(/^HTTP\/1.1 408 .*"request_timeout"/s);
  clearInterval(dripping);
});

test('an answer may take longer than a request may', async () => {
  const limits = { headMsMax: 50, requestMsMax: 50, checkMs: 10 };
  const { url, gemini, createClientKey } = await startTestGateway({}, { limits });
  const authorization = `Bearer ${await createClientKey()}`;
  gemini.answerWith(() => ({
    frames: [
      delay(200),
      { candidates: [{ content: { role: 'model', parts: [{ text: 'late' }] }, finishReason: 'STOP' }] },
    ],
  }));
  const streamed = JSON.stringify({ ...JSON.parse(body), stream: true });
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization },
    body: streamed,
  });
  expect(await answer.text()).toContain('late');
});
