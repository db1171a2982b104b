import type { LogIndex, NodeId, SnapshotMeta } from '@latchkey/raft';
import type { RequestedInput } from './driver-calls.js';
import { Fifo } from './fifo.js';
import type { DurableBatch } from './persist-pipeline.js';
import type { Clock } from './ports/clock.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { PeerMessage } from './ports/peer-transport.js';
import type { InstallEffect, RaftRun } from './raft-run.js';

/** What happened and waits for the next turn of the driver. What a run reports names it: it means nothing to the next. */
export type QueuedInput =
  | { readonly type: 'peerMessage'; readonly from: NodeId; readonly message: PeerMessage }
  | { readonly type: 'peerUp' | 'peerDown'; readonly peer: NodeId }
  | { readonly type: 'requested'; readonly input: RequestedInput }
  | { readonly type: 'durable'; readonly run: RaftRun; readonly batch: DurableBatch }
  | { readonly type: 'snapshotInstalled'; readonly run: RaftRun; readonly effect: InstallEffect }
  | { readonly type: 'checkpointed'; readonly run: RaftRun | null; readonly index: LogIndex }
  /** The state machine has jumped to `meta`; `isReplacement`: from an older state, which others here have seen. */
  | { readonly type: 'restored'; readonly meta: SnapshotMeta; readonly isReplacement: boolean };

/** Dropped messages are reported at most this often. */
const DROP_WARNING_INTERVAL_MS = 1_000;

export type InputQueueOptions = {
  readonly clock: Clock;
  readonly observer: ReplicaObserver;
  /** Messages of peers are dropped beyond this; what this node itself reports is never. */
  readonly maxQueuedInputs: number;
};

export class InputQueue {
  private readonly inputs = new Fifo<QueuedInput>();
  private lastDropWarningMs = -Infinity;

  constructor(private readonly options: InputQueueOptions) {}

  get size(): number {
    return this.inputs.size;
  }

  push(input: QueuedInput): void {
    if (input.type === 'peerMessage' && this.inputs.size >= this.options.maxQueuedInputs) this.warnDropped();
    else this.inputs.push(input);
  }

  shift(): QueuedInput | undefined {
    return this.inputs.shift();
  }

  clear(): void {
    this.inputs.clear();
  }

  private warnDropped(): void {
    const nowMs = this.options.clock.nowMs();
    if (nowMs - this.lastDropWarningMs < DROP_WARNING_INTERVAL_MS) return;
    this.lastDropWarningMs = nowMs;
    this.options.observer.warning?.('messages of peers are dropped: too much waits', { queued: this.inputs.size });
  }
}
