import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WarningLimiter } from './warning-limiter.js';

const INTERVAL_MS = 10_000;

describe('warning limiter', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('lets one warning of a kind through per interval and then says how many it kept back', () => {
    const warning = vi.fn<(message: string, details: object) => void>();
    const limiter = new WarningLimiter({ warning }, INTERVAL_MS);
    for (let count = 0; count < 4; count += 1) limiter.warn('refused n2', 'refused', { peer: 'n2' });
    limiter.warn('refused n3', 'refused', { peer: 'n3' });
    vi.advanceTimersByTime(INTERVAL_MS);
    limiter.warn('refused n2', 'refused again', { peer: 'n2' });
    expect(warning.mock.calls).toEqual([
      ['refused', { peer: 'n2' }],
      ['refused', { peer: 'n3' }],
      ['refused again', { peer: 'n2', suppressedCount: 3 }],
    ]);
  });
});
