import type { NodeId, TransferFailure } from '@latchkey/raft';
import type { DriverCalls } from './driver-calls.js';
import type { LeaderView } from './leader-view.js';
import type { Clock } from './ports/clock.js';
import { ReplicaError } from './replica-error.js';

export type TransferRequestsOptions = {
  readonly nodeId: NodeId;
  readonly calls: DriverCalls;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** From the end of this node's leadership until another leader must be known. */
  readonly successorWaitMs: number;
};

type Waiting = {
  /** When leadership ended here. */
  lostAtMs: number;
  readonly resolve: (leader: NodeId) => void;
  readonly reject: (error: ReplicaError) => void;
};

const REASONS: Readonly<Record<Exclude<TransferFailure, 'notLeader'>, string>> = {
  notVoter: 'the node named has no vote',
  noTarget: 'there is no other voter that could lead',
  alreadyTransferring: 'leadership is being handed over already',
  changePending: 'a change of the membership is under way',
  timedOut: 'the node did not take over in time',
};

/**
 * The call `transferLeadership`: one at a time, because the core hands over to one node at a time. The core ends each
 * with `transferFailed` or with the end of the leadership, so that only the wait for the successor needs a bound here.
 */
export class TransferRequests {
  private waiting: Waiting | null = null;

  constructor(private readonly options: TransferRequestsOptions) {}

  /** @throws ReplicaError (as a rejection) NOT_LEADER, TRANSFER_FAILED */
  request(to: NodeId | null, view: LeaderView | null): Promise<NodeId> {
    if (view?.role !== 'leader') return Promise.reject(notLeader());
    if (this.waiting !== null) return Promise.reject(transferFailed(REASONS.alreadyTransferring));
    return new Promise((resolve, reject) => {
      this.waiting = { lostAtMs: Infinity, resolve, reject };
      this.options.calls.give({ type: 'transferLeadership', to });
    });
  }

  /** The effect `transferFailed`. */
  failed(reason: TransferFailure): void {
    this.take()?.reject(reason === 'notLeader' ? notLeader() : transferFailed(REASONS[reason]));
  }

  leaderChanged(view: LeaderView): void {
    const { waiting } = this;
    if (waiting === null) return;
    // The term in which it was asked ended in between: nothing will be handed over any more.
    if (view.role === 'leader') this.take()?.reject(transferFailed('this node was elected again'));
    else if (view.leaderId !== null && view.leaderId !== this.options.nodeId) this.take()?.resolve(view.leaderId);
    else waiting.lostAtMs = Math.min(waiting.lostAtMs, this.options.clock.nowMs());
  }

  nextDeadlineMs(): number {
    return (this.waiting?.lostAtMs ?? Infinity) + this.options.successorWaitMs;
  }

  expire(nowMs: number): void {
    if (nowMs >= this.nextDeadlineMs())
      this.take()?.reject(transferFailed('this node leads no more, and no other does'));
  }

  /** The node stops, or loads its store again. */
  failAll(reason: string): void {
    this.take()?.reject(transferFailed(reason));
  }

  private take(): Waiting | null {
    const { waiting } = this;
    this.waiting = null;
    return waiting;
  }
}

export function notLeader(): ReplicaError {
  return new ReplicaError('NOT_LEADER', 'safe', 'this node does not lead; nothing was done');
}

function transferFailed(reason: string): ReplicaError {
  return new ReplicaError('TRANSFER_FAILED', 'safe', `leadership was not handed over: ${reason}`);
}
