import { describe, expect, it } from 'vitest';
import { referenceLoop } from './reference-loop.js';

/** What the work comes to. Another number means another piece of work, and that no stored cost means anything any more. */
const RESULT = 3_971_595_177;

describe('the reference loop', () => {
  it('is the piece of work that the stored costs are counted in, each time', () => {
    expect([referenceLoop(), referenceLoop(), referenceLoop()]).toEqual([RESULT, RESULT, RESULT]);
  });
});
