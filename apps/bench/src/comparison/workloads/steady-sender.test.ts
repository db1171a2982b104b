import { describe, expect, it } from 'vitest';
import { sendSteadily } from './steady-sender.js';

const FAST = 10_000;

describe('steady sender', () => {
  it('sends all, in order, and counts what failed', async () => {
    const sent: number[] = [];
    const result = await sendSteadily({ perSecond: FAST, count: 5 }, (number) => {
      sent.push(number);
      return number === 3 ? Promise.reject(new Error('no')) : Promise.resolve();
    });
    expect(sent).toEqual([0, 1, 2, 3, 4]);
    expect(result).toEqual({ sent: 5, failed: 1 });
  });

  it('goes on while answers are missing, and does not wait for them when it is stopped', async () => {
    let sent = 0;
    await sendSteadily({ perSecond: FAST, shouldStop: () => sent >= 20 }, () => {
      sent += 1;
      return new Promise(() => undefined);
    });
    expect(sent).toBeGreaterThanOrEqual(20);
  });
});
