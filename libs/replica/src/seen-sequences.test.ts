import { term, type Term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { MAX_INCARNATIONS_PER_TERM, SEEN_WINDOW_SEQUENCES } from './limits.js';
import { SeenSequences } from './seen-sequences.js';

const TERM = term(3);
const ORIGIN = 77;

function seenByLeaderOf(leaderTerm: Term): SeenSequences {
  const seen = new SeenSequences();
  seen.begin(leaderTerm);
  return seen;
}

describe('sequences a leadership has seen', () => {
  it('lets each sequence through once, in whatever order they come', () => {
    const seen = seenByLeaderOf(TERM);
    const arrivals = [5, 3, 5, 4, 3, 40, 4, 41, 40, 5];
    expect(arrivals.filter((sequence) => seen.add(TERM, ORIGIN, sequence))).toEqual([5, 3, 4, 40, 41]);
  });

  it('takes what is older than its window for a repeat, because it may be one', () => {
    const seen = seenByLeaderOf(TERM);
    seen.add(TERM, ORIGIN, SEEN_WINDOW_SEQUENCES + 10);
    expect(seen.add(TERM, ORIGIN, 10)).toBe(false);
    expect(seen.add(TERM, ORIGIN, 11)).toBe(true);
  });

  it('still tells repeats apart after the window has moved by more than itself', () => {
    const seen = seenByLeaderOf(TERM);
    seen.add(TERM, ORIGIN, 1);
    const far = 5 * SEEN_WINDOW_SEQUENCES + 1;
    expect(seen.add(TERM, ORIGIN, far)).toBe(true);
    expect(seen.add(TERM, ORIGIN, far - 1)).toBe(true);
    expect(seen.add(TERM, ORIGIN, far - 1)).toBe(false);
    expect(seen.add(TERM, ORIGIN, far)).toBe(false);
  });

  it('works where sequences exceed 32 bits', () => {
    const seen = seenByLeaderOf(TERM);
    const base = 2 ** 47;
    expect([seen.add(TERM, ORIGIN, base), seen.add(TERM, ORIGIN, base + 1), seen.add(TERM, ORIGIN, base)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('keeps the runs of origins apart', () => {
    const seen = seenByLeaderOf(TERM);
    expect(seen.add(TERM, ORIGIN, 1)).toBe(true);
    expect(seen.add(TERM, ORIGIN + 1, 1)).toBe(true);
  });

  it('begins anew with each leadership, and can say nothing of what was meant for another', () => {
    const seen = seenByLeaderOf(TERM);
    expect(seen.add(TERM + 1, ORIGIN, 1)).toBe(false);
    seen.begin(term(TERM + 1));
    expect(seen.add(TERM, ORIGIN, 2)).toBe(false);
    expect(seen.add(TERM + 1, ORIGIN, 1)).toBe(true);
  });

  it('serves no more runs than its limit instead of forgetting one', () => {
    const seen = seenByLeaderOf(TERM);
    for (let run = 0; run < MAX_INCARNATIONS_PER_TERM; run += 1) seen.add(TERM, run, 1);
    expect(seen.add(TERM, MAX_INCARNATIONS_PER_TERM, 1)).toBe(false);
    expect(seen.add(TERM, 0, 1)).toBe(false);
    expect(seen.add(TERM, 0, 2)).toBe(true);
  });
});
