import { createServer, type Socket } from 'node:net';
import { benchModel, streamedResponses, wholeResponse } from './fixtures.ts';

/**
 * The cheapest Gemini there can be: raw sockets and answers made in advance, so that what is measured is the gateway. A streamed answer
 * leaves in one burst. Usage: `node test/bench/mock.ts <port>`.
 */
const whole = jsonAnswer(wholeResponse());
const models = jsonAnswer({
  models: [{ name: `models/${benchModel}`, outputTokenLimit: 65_536, supportedGenerationMethods: ['generateContent'] }],
});
const burst = Buffer.concat([
  Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'),
  ...streamedResponses().map((response) => httpChunk(`data: ${JSON.stringify(response)}\r\n\r\n`)),
  Buffer.from('0\r\n\r\n'),
]);
const headEnd = '\r\n\r\n';
const connectionsMax = 8192;

const server = createServer({ noDelay: true }, (socket) => {
  let missing = 0;
  let answer: Buffer = whole;
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    if (missing === 0) {
      const end = bytes.indexOf(headEnd);
      const head = bytes.toString('latin1', 0, end);
      answer = answerTo(head);
      missing = end + headEnd.length + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    }
    missing -= bytes.length;
    if (missing <= 0) reply(socket);
  });

  function reply(to: Socket): void {
    missing = 0;
    to.write(answer);
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1', connectionsMax);

function answerTo(head: string): Buffer {
  if (head.startsWith('GET ')) return models;
  return head.includes(':streamGenerateContent') ? burst : whole;
}

function jsonAnswer(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value, null, 2));
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function httpChunk(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
