import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProbeQuestion, ProbeReport } from './node-probe-messages.js';

/*
 * Loaded into each measured node with `--import`, beside the unchanged server: answers the bench's questions by the
 * process's own channel, and ends the node when the bench has gone, however it went.
 */

/** Node's histogram takes the time between two samples, so that this is part of every value. */
const SAMPLE_MS = 10;
const NANOSECONDS_PER_MS = 1e6;

const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
delay.enable();

process.on('message', (question: ProbeQuestion) => {
  if (question.type === 'beginWindow') delay.reset();
  else process.send?.(report());
});
process.on('disconnect', () => process.exit(1));
// Neither the channel nor the sampling keeps a node from ending that was told to stop.
process.channel?.unref();

function report(): ProbeReport {
  const lateness = (nanoseconds: number) => Math.max(0, nanoseconds / NANOSECONDS_PER_MS - SAMPLE_MS);
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  return {
    eventLoopDelayMs: {
      p50: lateness(delay.percentile(50)),
      p99: lateness(delay.percentile(99)),
      p999: lateness(delay.percentile(99.9)),
      max: lateness(delay.max),
    },
    samples: delay.count,
    memory: { rss, heapUsed, heapTotal, external, arrayBuffers },
  };
}
