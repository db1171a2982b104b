import type { Registry } from 'prom-client';

type Transfer = {
  readonly direction: 'in' | 'out';
  readonly state: 'begun' | 'completed' | 'failed';
  readonly byteCount: number;
};

const MS_PER_SECOND = 1_000;

/** Checkpoints of the applied state, and snapshots on their way between nodes. */
export class SnapshotCounters {
  private checkpointCount = 0;
  private checkpointSeconds = 0;
  private lastCheckpointSeconds = 0;
  private readonly ended = { in: { completed: 0, failed: 0 }, out: { completed: 0, failed: 0 } };
  private readonly underWay = { in: 0, out: 0 };
  private readonly byteCounts = { in: 0, out: 0 };

  checkpointed({ durationMs }: { readonly durationMs: number }): void {
    this.lastCheckpointSeconds = durationMs / MS_PER_SECOND;
    this.checkpointCount += 1;
    this.checkpointSeconds += this.lastCheckpointSeconds;
  }

  transfer({ direction, state, byteCount }: Transfer): void {
    if (state === 'begun') {
      this.underWay[direction] += 1;
      return;
    }
    // One that is refused before it begins ends all the same.
    this.underWay[direction] = Math.max(0, this.underWay[direction] - 1);
    this.ended[direction][state] += 1;
    this.byteCounts[direction] += byteCount;
  }

  addTo(prometheus: typeof import('prom-client'), registry: Registry): void {
    new prometheus.Gauge({
      name: 'latchkey_checkpoint_last_duration_seconds',
      help: 'From the moment that the last checkpoint shows until it was durable',
      registers: [registry],
    }).set(this.lastCheckpointSeconds);
    new prometheus.Counter({
      name: 'latchkey_checkpoints_total',
      help: 'Checkpoints of the applied state saved by this process',
      registers: [registry],
    }).inc(this.checkpointCount);
    new prometheus.Counter({
      name: 'latchkey_checkpoint_duration_seconds_total',
      help: 'Time that these took together',
      registers: [registry],
    }).inc(this.checkpointSeconds);
    this.addTransfers(prometheus, registry);
  }

  private addTransfers(prometheus: typeof import('prom-client'), registry: Registry): void {
    const transfers = new prometheus.Counter({
      name: 'latchkey_snapshot_transfers_total',
      help: 'Snapshots to and from peers that have ended',
      labelNames: ['direction', 'result'],
      registers: [registry],
    });
    const bytes = new prometheus.Counter({
      name: 'latchkey_snapshot_transfer_bytes_total',
      help: 'Bytes of these snapshots',
      labelNames: ['direction'],
      registers: [registry],
    });
    const underWay = new prometheus.Gauge({
      name: 'latchkey_snapshot_transfers_under_way',
      help: 'Snapshots on their way to and from peers',
      labelNames: ['direction'],
      registers: [registry],
    });
    for (const direction of ['in', 'out'] as const) {
      for (const result of ['completed', 'failed'] as const)
        transfers.inc({ direction, result }, this.ended[direction][result]);
      bytes.inc({ direction }, this.byteCounts[direction]);
      underWay.set({ direction }, this.underWay[direction]);
    }
  }
}
