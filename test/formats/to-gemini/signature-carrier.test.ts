import { expect, test } from 'vitest';
import { decodeCarrier, encodeCarrier } from '../../../server/formats/to-gemini/signature-carrier.ts';

const model = 'gemini-3.8-flash';
const encoded = (json: unknown) => `gts1:${Buffer.from(JSON.stringify(json)).toString('base64url')}`;

test('a carrier brings back what was put into it', () => {
  const full = { calls: new Map([['c1', 'U0lH']]), text: 'VEVYVA', model };
  expect(encodeCarrier(full)).toBe(encoded({ c: [['c1', 'U0lH']], t: 'VEVYVA', m: model }));
  expect(decodeCarrier(encodeCarrier(full))).toEqual(full);
  const empty = { calls: new Map(), text: undefined, model };
  expect(encodeCarrier(empty)).toBe(encoded({ c: [], m: model }));
  expect(decodeCarrier(encodeCarrier(empty))).toEqual(empty);
});

test.each([
  undefined,
  5,
  '',
  'EqQBCkYIBxgCKkD',
  'gts1:',
  'gts1:e30',
  'gts1:{}',
  encoded(null),
  encoded([]),
  encoded({ c: 'x', m: model }),
  encoded({ c: [], m: 1 }),
])('%j is none', (value) => {
  expect(decodeCarrier(value)).toBeNull();
});

test('what is wrong in a carrier is left out', () => {
  const json = { c: [['c1', 'U0lH'], ['c2', 5], 'c3', null], t: 5, m: model };
  expect(decodeCarrier(encoded(json))).toEqual({ calls: new Map([['c1', 'U0lH']]), text: undefined, model });
});
