import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { openRawSocket } from '../support/raw-socket.ts';
import { frame, googleError, text } from '../support/simulated-gemini.ts';

const heartbeatMs = 20;
/** For busy machines. */
const patience = { timeout: 15_000 };
const request = { model: 'gemini-3.8-flash', stream: true, messages: [{ role: 'user', content: 'x' }] };

async function startStreaming() {
  const gateway = await startTestGateway({}, { config: { heartbeatSeconds: heartbeatMs / 1000 } });
  const authorization = `Bearer ${await gateway.createClientKey()}`;
  const stream = (body: object = request) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify(body),
    });
  return { ...gateway, authorization, stream };
}

/** Reads a stream piece by piece. */
function reader(response: Response) {
  const pieces = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  return async () => (await pieces?.read())?.value ?? null;
}

test('a stream has the headers that proxies and clients go by', async () => {
  const { stream } = await startStreaming();
  const response = await stream();
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
    'transfer-encoding': 'chunked',
    'x-request-id': expect.stringMatching(/^req_/),
    'openai-processing-ms': expect.stringMatching(/^\d+$/),
  });
  expect(response.headers.has('content-encoding')).toBe(false);
  expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
});

test('a thinking stream is opened by a heartbeat, goes on beating, and then says what it has to', async () => {
  const { stream, gemini } = await startStreaming();
  const gate = Promise.withResolvers<void>();
  gemini.answerWith(() => ({ frames: [gate.promise, frame('Hel'), text('lo')] }));
  const response = await stream();
  const read = reader(response);
  let beats = '';
  while (beats.length < 3 * ': keep-alive\n\n'.length) beats += await read();
  expect(beats).toMatch(/^(?:: keep-alive\n\n)+$/);
  gate.resolve();
  let rest = '';
  for (let piece = await read(); piece !== null; piece = await read()) rest += piece;
  expect(rest).toMatch(/^(?:: keep-alive\n\n)*data: \{.*"role":"assistant".*data: \[DONE\]\n\n$/s);
  expect(rest).toContain('"content":"Hel"');
});

test('before its first content a stream is not opened: another key is tried, and a failure has its status', async () => {
  const { url, gemini, createClientKey } = await startTestGateway();
  const headers = { authorization: `Bearer ${await createClientKey()}` };
  const stream = () => fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(request) });
  let tries = 0;
  gemini.answerWith(() => (++tries === 1 ? { frames: [frame('')], isCut: true } : null));
  expect((await (await stream()).text()).match(/"role":"assistant"/g)).toHaveLength(1);
  expect(tries).toBe(2);
  gemini.answerWith(() => googleError(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.'));
  const refused = await stream();
  expect([refused.status, refused.headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8']);
});

test('behind a heartbeat another key is still tried, and the caller does not notice', async () => {
  const { stream, gemini } = await startStreaming();
  const gate = Promise.withResolvers<void>();
  let tries = 0;
  gemini.answerWith(() => (++tries === 1 ? { frames: [gate.promise], isCut: true } : null));
  const response = await stream();
  expect(await reader(response.clone())()).toBe(': keep-alive\n\n');
  gate.resolve();
  const events = (await response.text()).replaceAll(': keep-alive\n\n', '');
  expect(events).toMatch(/^data: .*"role":"assistant".*"content":"Hel".*data: \[DONE\]\n\n$/s);
  expect(events.match(/"role":"assistant"/g)).toHaveLength(1);
  expect(new Set(gemini.generations().map(({ key }) => key)).size).toBe(2);
});

test('behind a heartbeat a failure is the last event, and no [DONE] follows', async () => {
  const { stream, gemini } = await startStreaming();
  const gate = Promise.withResolvers<void>();
  const mistake = googleError(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.');
  let tries = 0;
  gemini.answerWith(() => (++tries === 1 ? { frames: [gate.promise], isCut: true } : mistake));
  const response = await stream();
  expect(await reader(response.clone())()).toBe(': keep-alive\n\n');
  gate.resolve();
  const events = (await response.text()).replaceAll(': keep-alive\n\n', '');
  expect(events).toMatch(/^data: \{"error":\{.*"code":"invalid_argument".*\}\}\n\n$/);
});

test('a caller who does not read makes the gateway stop reading, and gets everything when it reads on', async () => {
  const { port, gemini, createClientKey } = await startTestGateway();
  const authorization = `Bearer ${await createClientKey()}`;
  const words = 'w'.repeat(1_000_000);
  const frameCount = 60;
  let written = 0;
  /** Drawn one by one: the simulated Gemini waits until the system has taken the one before. */
  function* frames() {
    for (; written < frameCount; written++) yield frame(words);
    yield text('');
  }
  gemini.answerWith(() => ({ frames: frames() }));
  const body = JSON.stringify(request);
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: x',
    `authorization: ${authorization}`,
    'connection: close',
  ];
  const { socket, closed, received } = openRawSocket(
    port,
    `${head.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await expect.poll(received, patience).not.toBe('');
  socket.pause();
  let before = -1;
  const standsStill = () => {
    const isStill = written === before;
    before = written;
    return isStill;
  };
  await expect.poll(standsStill, { ...patience, interval: 150 }).toBe(true);
  // What the system itself holds on the two ways; without a brake it would be all of it.
  expect(written).toBeLessThan(frameCount / 2);
  socket.resume();
  const answer = await closed;
  expect(answer.length).toBeGreaterThan(frameCount * words.length);
  expect(answer).toMatch(/data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
});
