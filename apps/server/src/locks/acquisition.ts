import { errorBody, type AcquireRequest, type AcquireResult, type ErrorBody } from '@latchkey/contracts';
import type { Clock, Timer } from '@latchkey/replica';
import {
  leaseId,
  type ApplyResult,
  type Command,
  type LeaseId,
  type Outcome,
  type StateReader,
} from '@latchkey/state-machine';
import { bytesOfText } from '../commands/key-text.js';
import { errorBodyOfRefusal, errorBodyOfReplica } from '../commands/wire-error.js';
import type { LockView } from './lock-view.js';
import type { QueuePlace } from './queue-place.js';
import type { Waiter, Waiters } from './waiters.js';

export type AcquireReply = {
  readonly granted: (result: AcquireResult) => void;
  readonly failed: (error: ErrorBody) => void;
};

export type AcquisitionParts = {
  readonly clock: Clock;
  readonly reader: StateReader;
  readonly waiters: Waiters;
  readonly view: LockView;
  /** @throws ReplicaError */
  readonly propose: (commands: readonly Command[]) => Promise<ApplyResult>;
  /** How long the lease lives at least; never rejects. */
  readonly remainingMs: (leaseId: LeaseId) => number | Promise<number>;
};

/** Whoever waits for less is queued at once: its time counts from there. */
const MIN_PATIENT_WAIT_MS = 100;

type LeaveReason = 'LOCK_WAIT_TIMEOUT' | 'CANCELLED';

/**
 * One `acquire` request between its command and its answer. The queue itself is replicated state: this only waits for
 * what becomes of a place in it, and always answers by the state as it is, not by a remembered outcome, because a
 * request that was repeated elsewhere has the outcome of its first attempt.
 */
export class Acquisition implements Waiter {
  readonly place: QueuePlace;
  private phase: 'entering' | 'waiting' | 'leaving' | 'answered' = 'entering';
  private timer: Timer | null = null;
  private cancelRequested = false;
  private readonly waitMs: number | null;

  constructor(
    private readonly parts: AcquisitionParts,
    request: AcquireRequest,
    private readonly reply: AcquireReply,
  ) {
    this.place = { space: request.space, name: bytesOfText(request.name), leaseId: leaseId(request.lease) };
    this.waitMs = request.waitMs ?? null;
  }

  get isAnswered(): boolean {
    return this.phase === 'answered';
  }

  /** As far as this node knows others are in front, and the client has time: nothing is answered before one of those has left. */
  get mustQueue(): boolean {
    const { space, name, leaseId: lease } = this.place;
    const { reader } = this.parts;
    if (this.waitMs !== null && this.waitMs < MIN_PATIENT_WAIT_MS) return false;
    return reader.queueLength(space, name) > 0 && reader.queueEntry(space, name, lease) === null;
  }

  /** The outcome of its `queueEnter` is known. */
  entered(outcome: Outcome): void {
    if (this.isAnswered) return;
    switch (outcome.type) {
      case 'refused':
        return this.fail(errorBodyOfRefusal(outcome));
      case 'held': {
        const holder = this.parts.view.holder(this.place.space, this.place.name, outcome.holder);
        return this.fail(errorBody('LOCK_HELD', 'the lock is held', { holder, currentRevision: outcome.revision }));
      }
      case 'acquired':
      case 'queued':
        return this.settleIn();
      default:
        return this.fail(errorBody('INTERNAL', `acquire had the outcome ${outcome.type}`));
    }
  }

  /** Its command was not carried out, or nobody knows. */
  fail(error: ErrorBody): void {
    if (this.isAnswered) return;
    this.finish();
    this.reply.failed(error);
  }

  /** Something happened to the place. */
  recheck(): void {
    if (this.isAnswered) return;
    const { space, name, leaseId: lease } = this.place;
    const entry = this.parts.reader.queueEntry(space, name, lease);
    if (entry === null) {
      // While leaving, the outcome of that tells why the place is gone.
      if (this.phase !== 'leaving') this.fail(this.lostPlace());
      return;
    }
    if (entry.holding) this.grant(entry.record.createRevision);
  }

  /** The client does not want it any more: CANCELLED, or the grant if that came first. */
  cancel(): void {
    if (this.phase === 'entering') this.cancelRequested = true;
    else if (this.phase === 'waiting') void this.leave('CANCELLED');
  }

  /**
   * Nobody listens for the answer any more, but the place stays: the client may ask again by way of another node, and
   * its lease ends the place if it never does.
   */
  abandon(): void {
    this.finish();
  }

  private settleIn(): void {
    this.phase = 'waiting';
    this.recheck();
    if (this.isAnswered) return;
    this.parts.waiters.add(this);
    if (this.cancelRequested) void this.leave('CANCELLED');
    else if (this.waitMs !== null)
      this.timer = this.parts.clock.setTimer(this.waitMs, () => void this.leave('LOCK_WAIT_TIMEOUT'));
  }

  private async leave(reason: LeaveReason): Promise<void> {
    if (this.phase !== 'waiting') return;
    this.phase = 'leaving';
    try {
      const { outcomes } = await this.parts.propose([{ type: 'queueLeave', ...this.place, onlyIfWaiting: true }]);
      const [outcome] = outcomes;
      if (this.isAnswered) return;
      if (outcome?.type === 'queueLeft' && outcome.left)
        this.fail(errorBody(reason, reason === 'CANCELLED' ? 'cancelled' : 'the lock was not granted in time'));
      else {
        this.phase = 'waiting';
        this.recheck();
      }
    } catch (error) {
      const body = errorBodyOfReplica(error);
      if (body === null) throw error;
      this.fail(body);
    }
  }

  private grant(fencingToken: number): void {
    this.finish();
    const { revision } = this.parts.reader;
    const remainingMs = this.parts.remainingMs(this.place.leaseId);
    if (typeof remainingMs === 'number') this.reply.granted({ revision, fencingToken, remainingMs });
    else void remainingMs.then((known) => this.reply.granted({ revision, fencingToken, remainingMs: known }));
  }

  private lostPlace(): ErrorBody {
    return this.parts.reader.lease(this.place.leaseId) === null
      ? errorBody('LEASE_NOT_FOUND', 'the lease has ended')
      : errorBody('LOCK_NOT_HELD', 'the place in the queue was given up or taken away');
  }

  private finish(): void {
    this.phase = 'answered';
    this.timer?.cancel();
    this.timer = null;
    this.parts.waiters.remove(this);
  }
}
