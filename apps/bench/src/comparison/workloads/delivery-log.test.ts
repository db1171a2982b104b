import { describe, expect, it } from 'vitest';
import { DeliveryLog } from './delivery-log.js';

const WATCHERS = 2;
const QUIET_MS = 50;
const LONG_MS = 60_000;

function startedLog(writes: number): DeliveryLog {
  const log = new DeliveryLog(WATCHERS);
  for (let write = 0; write < writes; write += 1) log.sent(write, write);
  return log;
}

describe('log of deliveries', () => {
  it('keeps the delay of each event at each watcher', () => {
    const log = startedLog(1);
    log.delivered(0, 0, 3);
    log.delivered(1, 0, 7);
    expect(log.delaysMs).toEqual([3, 7]);
    expect(log.lastDeliveryMs).toBe(7);
  });

  it('lets the writer go on when the slowest watcher has come far enough, also by merged events', async () => {
    const log = startedLog(4);
    let went = false;
    const going = log.untilAllReach(2).then(() => {
      went = true;
    });
    log.delivered(0, 3, 5);
    log.delivered(1, 1, 5);
    await Promise.resolve();
    expect(went).toBe(false);
    log.delivered(1, 2, 6);
    await going;
    await log.untilAllReach(2);
  });

  it('is quiet at once when everything has arrived, and after a while when something never does', async () => {
    const log = startedLog(1);
    log.delivered(0, 0, 1);
    await log.untilQuiet(QUIET_MS);
    log.delivered(1, 0, 1);
    await log.untilQuiet(LONG_MS);
    expect(log.deliveries).toBe(WATCHERS);
  });

  it('fails for an event that nobody caused', async () => {
    const log = startedLog(1);
    log.delivered(0, 9, 1);
    await expect(log.untilQuiet(QUIET_MS)).rejects.toThrow('write 9, which was not sent');
  });
});
