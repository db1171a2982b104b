import { describe, expect, it } from 'vitest';
import { RestartDelay } from './restart-delay.js';

const FAILED_AT_ONCE_MS = 10;
const GOOD_RUN_MS = 60_000;

describe('how long a node that died stays down', () => {
  it('doubles while it keeps failing, up to ten seconds', () => {
    const delay = new RestartDelay();
    const delays = Array.from({ length: 8 }, () => delay.next(FAILED_AT_ONCE_MS));
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('is short again after a good run', () => {
    const delay = new RestartDelay();
    for (let at = 0; at < 5; at++) delay.next(FAILED_AT_ONCE_MS);
    expect(delay.next(GOOD_RUN_MS)).toBe(250);
  });
});
