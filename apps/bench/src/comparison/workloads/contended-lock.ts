import type { Client } from '../../peers/system.js';
import type { Sample } from '../quantity.js';
import { WORKLOAD_NAMES } from '../workload-names.js';
import type { Workload, WorkloadContext } from '../workload.js';
import { LockQueueObserver } from './lock-queue-observer.js';

const WAITERS = 32;
const LOCK_NAME = 'contended/one';

/** 32 clients, each with a session and connections of its own, want the same lock again and again. */
export const contendedLock: Workload = {
  name: 'contended',
  stage: 'work',
  needs: ['lock'],
  quick: true,
  run: async ({ cluster, settings }: WorkloadContext) => {
    const clients: Client[] = [];
    try {
      for (let count = 0; count < WAITERS; count += 1) clients.push(await cluster.connect('crowd'));
      await clients[0]?.prepareLocks([LOCK_NAME]);
      const observer = new LockQueueObserver();
      const startMs = performance.now();
      const endMs = startMs + settings.serialWarmUpMs + settings.contendedMs;
      setTimeout(() => observer.startCounting(), settings.serialWarmUpMs);
      await Promise.all(clients.map((client) => takeTurns(client, observer, endMs)));
      const { handoffs, toOldest, longestWaitMs, countedMs } = observer.counted();
      const sample = (quantity: Sample['quantity'], value: number): Sample => ({
        workload: WORKLOAD_NAMES.contended,
        quantity,
        value,
      });
      return [
        sample('perSecond', handoffs / (countedMs / 1000)),
        sample('oldestPercent', (toOldest / handoffs) * 100),
        sample('longestWaitMs', longestWaitMs),
      ];
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  },
};

async function takeTurns(client: Client, observer: LockQueueObserver, endMs: number): Promise<void> {
  while (performance.now() < endMs) {
    const waiting = observer.asks(performance.now());
    const lock = await client.acquire(LOCK_NAME);
    // Who was still waiting when the time was over only lets the others go.
    if (performance.now() < endMs) observer.receives(waiting, performance.now());
    else observer.leaves(waiting);
    observer.gives(waiting);
    await lock.release();
  }
}
