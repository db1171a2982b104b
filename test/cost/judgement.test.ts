import { describe, expect, it } from 'vitest';
import { inWords, judge, MUCH_CHEAPER, STORE_COMMAND, TOLERANCE } from './judgement.js';

const STORED = 2;
const A_LITTLE = 0.001;

describe('judging a measured cost by the stored one', () => {
  it.each([
    ['what is stored', STORED, 'asStored'],
    ['all that is allowed', STORED * TOLERANCE, 'asStored'],
    ['a little more than is allowed', STORED * TOLERANCE + A_LITTLE, 'tooDear'],
    ['three times as much', STORED * 3, 'tooDear'],
    ['just enough less to be no news', STORED * MUCH_CHEAPER, 'asStored'],
    ['a little less than that', STORED * MUCH_CHEAPER - A_LITTLE, 'muchCheaper'],
  ] as const)('takes %s for what it is', (_what, measured, judgement) => {
    expect(judge({ stored: STORED, measured })).toBe(judgement);
  });

  it.each([
    ['nothing stored', { stored: 0, measured: 1 }],
    ['nothing measured', { stored: 1, measured: 0 }],
    ['something that is no number', { stored: 1, measured: NaN }],
  ])('does not pass %s over', (_what, costs) => {
    expect(() => judge(costs)).toThrow('no costs');
  });

  it('names path, both costs and the command when a path has become too dear', () => {
    const words = inWords('locks', { stored: STORED, measured: 5 });
    for (const part of ['locks', '5.00', '2.00', '4.00', 'too dear', STORE_COMMAND]) expect(words).toContain(part);
  });

  it('asks to store anew what has become much cheaper, and nothing else', () => {
    expect(inWords('locks', { stored: STORED, measured: 0.9 })).toContain(STORE_COMMAND);
    expect(inWords('locks', { stored: STORED, measured: STORED })).not.toContain(STORE_COMMAND);
  });
});
