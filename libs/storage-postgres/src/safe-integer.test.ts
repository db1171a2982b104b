import { describe, expect, it } from 'vitest';
import { safeIntegerFrom } from './safe-integer.js';

describe('BIGINT from Postgres, FAILURE-MODES 35', () => {
  it('becomes a number that sorts as one', () => {
    expect(['9', '10', '100'].map((text) => safeIntegerFrom(text, 'an index')).sort((a, b) => a - b)).toEqual([
      9, 10, 100,
    ]);
    expect(safeIntegerFrom('9007199254740991', 'an index')).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each(['9007199254740992', '9223372036854775807', '-1', '1.5', '', 'x', null, 7])(
    'is refused when it is %j, which no writer of ours can have written',
    (value) => {
      expect(() => safeIntegerFrom(value, 'the epoch')).toThrow(/^the epoch is /);
    },
  );
});
