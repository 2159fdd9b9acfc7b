import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameSplitter, MalformedStream } from '../../server/gemini/frame-splitter.ts';

const frame = (text: string) => ({ candidates: [{ content: { parts: [{ text }] } }] });

function readAll(pieces: Buffer[]) {
  const responses: unknown[] = [];
  const splitter = new FrameSplitter((response) => responses.push(response));
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return responses;
}

test('any split of the bytes gives the same frames, also inside a character', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 }),
      fc.constantFrom('\r\n', '\n', '\r'),
      fc.array(fc.nat(400), { maxLength: 12 }),
      (texts, lineEnd, cuts) => {
        const bytes = Buffer.from(
          texts.map((text) => `data: ${JSON.stringify(frame(text))}${lineEnd}${lineEnd}`).join(''),
        );
        const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
        const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(readAll(pieces)).toEqual(texts.map(frame));
      },
    ),
  );
});

test('several data lines are one frame, and comments are none', () => {
  expect(readAll([Buffer.from(': hello\ndata: {"responseId":\ndata: "a"}\n\n')])).toEqual([{ responseId: 'a' }]);
});

test('a bare error object without data: is read, also in a list', () => {
  const error = { error: { code: 503, status: 'UNAVAILABLE' } };
  expect(readAll([Buffer.from(JSON.stringify(error, null, 2))])).toEqual([error]);
  expect(readAll([Buffer.from(`data: {}\n\n${JSON.stringify([error])}`)])).toEqual([{}, error]);
});

test('frames that end by carriage returns alone are read at the end', () => {
  expect(readAll([Buffer.from('data: {"responseId":"a"}\r\rdata: {"responseId":"b"}\r\r')])).toHaveLength(2);
});

test('a line in thousands of pieces costs no more than its length', () => {
  const text = 'x'.repeat(8 * 1024 * 1024);
  const bytes = Buffer.from(`data: ${JSON.stringify(frame(text))}\r\n\r\n`);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1024) }, (_, index) =>
    bytes.subarray(index * 1024, (index + 1) * 1024),
  );
  const startedAt = performance.now();
  expect(readAll(pieces)).toEqual([frame(text)]);
  // Joining at every piece would copy 32 GB.
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test('a frame without end is given up', () => {
  const splitter = new FrameSplitter(() => {});
  const mebibyte = Buffer.alloc(1024 * 1024, 'x');
  expect(() => {
    for (let count = 0; count < 65; count++) splitter.push(mebibyte);
  }).toThrow(MalformedStream);
});

test('a stream that ends inside a frame is malformed', () => {
  expect(() => readAll([Buffer.from('data: {"candidates":[{"conte')])).toThrow(MalformedStream);
});
