import { expect, test } from 'vitest';
import { hasRepeatedName } from '../../server/http/repeated-name.ts';

test.each([
  ['{"a":1,"a":1}', true],
  ['{"a":1,"\\u0061":2}', true],
  ['[{"b":{"a" :1,\n"c":[],"a"\t\r\n:2}}]', true],
  ['{"__proto__":1,"__proto__":2}', true],
  ['{"":1,"":2}', true],
  ['{"a\\\\":1,"a\\\\":2}', true],
  ['{"a":1,"A":2,"b":{"a":1}}', false],
  ['[{"a":1},{"a":1}]', false],
  ['{"a":"b\\":","c":"\\\\","d":["\\\\\\"","e"],"f":" : "}', false],
  ['{"__proto__":1,"constructor":{"a":null}}', false],
  ['["a",5,true,null]', false],
  ['"a"', false],
  ['7', false],
])('%s has a name twice: %s', (text, isRepeated) => {
  expect(hasRepeatedName(text, JSON.parse(text))).toBe(isRepeated);
});

test('a body nested deeper than the stack is looked through', () => {
  const deep = (inner: string) => '{"a":'.repeat(20_000) + inner + '}'.repeat(20_000);
  expect(hasRepeatedName(deep('1'), JSON.parse(deep('1')))).toBe(false);
  const twice = deep('{"b":1,"b":2}');
  expect(hasRepeatedName(twice, JSON.parse(twice))).toBe(true);
});
