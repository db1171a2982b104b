import { describe, expect, it } from 'vitest';
import { longestGapMs } from './longest-gap.js';

describe('longest gap between acknowledgements', () => {
  it('is the one around the loss, in whatever order they were noted', () => {
    expect(longestGapMs([0, 10, 20, 520, 500, 530], 25)).toBe(480);
  });

  it('does not count gaps that were over before', () => {
    expect(longestGapMs([0, 900, 910, 960, 970], 915)).toBe(50);
  });

  it('finds a second outage after the first recovery', () => {
    expect(longestGapMs([0, 100, 110, 400], 50)).toBe(290);
  });
});
