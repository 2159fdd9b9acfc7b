import { expect, test } from 'vitest';
import { ignoredHeader } from '../../server/relay/ignored-header.ts';

test('ignored fields are told in a header, as far as a header can hold them', () => {
  expect(ignoredHeader([])).toEqual({});
  expect(ignoredHeader(['a', 'b-c.d_e'])).toEqual({ 'x-ignored-params': 'a,b-c.d_e' });
  expect(ignoredHeader(['日本', 'a\r\nb', '', 'a b', 'x'.repeat(65)])).toEqual({});
  const many = Array.from({ length: 1000 }, (_, index) => `f${index}`);
  expect(ignoredHeader(many)['x-ignored-params']?.split(',')).toHaveLength(32);
});
