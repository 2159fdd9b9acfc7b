import { describe, expect, test } from 'vitest';
import { dummySignature as dummy, type Repair, repairRequest } from '../../server/gemini/repair-request.ts';
import type { Content, Part } from '../../server/gemini/types.ts';

const call = (name: string, thoughtSignature?: string): Part => ({
  functionCall: { name },
  ...(thoughtSignature !== undefined && { thoughtSignature }),
});
const says = (...parts: Part[]): Content => ({ role: 'model', parts });
const user: Content = { role: 'user', parts: [{ text: 'q' }] };
const repaired = (contents: Content[], repair: Repair) => repairRequest({ contents }, repair).contents;

describe('where Google misses a signature', () => {
  test('the first calls without one get the placeholder, and real signatures stay', () => {
    const contents = [
      user,
      says({ text: 'Hm', thoughtSignature: 'T' }, call('a', 'A'), call('b')),
      user,
      says({ text: 'Well' }, call('c'), call('d')),
      says(call('e', '')),
    ];
    expect(repaired(contents, 'add-signatures')).toEqual([
      user,
      says({ text: 'Hm', thoughtSignature: 'T' }, call('a', 'A'), call('b')),
      user,
      says({ text: 'Well' }, call('c', dummy), call('d')),
      says(call('e', dummy)),
    ]);
    expect(contents[3]).toEqual(says({ text: 'Well' }, call('c'), call('d')));
  });

  test('although every first call has one, all of these get the placeholder', () => {
    const contents = [
      user,
      says({ text: 'Hm', thoughtSignature: 'T' }, call('a', 'A'), call('b')),
      says(call('c', 'C')),
    ];
    expect(repaired(contents, 'add-signatures')).toEqual([
      user,
      says({ text: 'Hm', thoughtSignature: 'T' }, call('a', dummy), call('b')),
      says(call('c', dummy)),
    ]);
  });
});

test('where Google refuses a signature, none is left but the placeholders of first calls', () => {
  const contents = [user, says({ text: 'Hm', thoughtSignature: 'T' }, call('a', 'A'), call('b', 'B'))];
  expect(repaired(contents, 'dummy-signatures')).toEqual([user, says({ text: 'Hm' }, call('a', dummy), call('b'))]);
});

test('where Google refuses the thinking, nothing empty is left of it', () => {
  const request = { contents: [user], generationConfig: { thinkingConfig: { thinkingLevel: 'LOW' } } };
  expect(repairRequest(request, 'drop-thinking')).toEqual({ contents: [user] });
  const warm = { ...request, generationConfig: { ...request.generationConfig, temperature: 1 } };
  expect(repairRequest(warm, 'drop-thinking')).toEqual({ contents: [user], generationConfig: { temperature: 1 } });
});

test.each<Repair>(['add-signatures', 'dummy-signatures'])('%s leaves what are no turns as it is', (repair) => {
  const odd = [null, 'x', { role: 'model', parts: 'x' }, { role: 'model', parts: [null] }] as unknown as Content[];
  expect(repaired(odd, repair)).toHaveLength(4);
  expect(repairRequest({ contents: 5 } as never, repair)).toEqual({ contents: 5 });
});
