import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createOpenCalls, type OpenCall } from '../../server/relay/open-calls.ts';

test('holds exactly what was added and not yet removed, in whatever order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (picks) => {
      const open = createOpenCalls<OpenCall>();
      const expected = new Set<OpenCall>();
      for (const pick of picks) {
        const known = [...expected][pick];
        if (known) {
          open.remove(known);
          expected.delete(known);
        } else {
          const call = { place: -1 };
          open.add(call);
          expected.add(call);
        }
        expect(new Set(open.all())).toEqual(expected);
        expect(open.count()).toBe(expected.size);
      }
    }),
  );
});
