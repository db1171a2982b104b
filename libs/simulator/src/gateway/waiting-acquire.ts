import type { ClientResult, ErrorBody } from '@latchkey/sdk-core';
import type { Clock, Timer } from '@latchkey/replica';
import type { Command, LeaseId, Outcome, StateReader } from '@latchkey/state-machine';
import { bodyOfRefusal, bodyOfReplicaError, errorBody } from './wire-errors.js';

export type Place = { readonly space: 'locks' | 'elections'; readonly name: string; readonly leaseId: LeaseId };

export const placeKey = ({ space, name, leaseId }: Place): string => `${space}/${name}/${leaseId}`;

export type WaitingAcquireParts = {
  readonly clock: Clock;
  readonly reader: StateReader;
  readonly waits: (waiting: WaitingAcquire) => void;
  readonly ended: (waiting: WaitingAcquire) => void;
  /** @throws ReplicaError */
  readonly propose: (command: Command) => Promise<Outcome | undefined>;
  readonly remainingMs: (leaseId: LeaseId) => number | Promise<number>;
};

/** As in the server. */
const MIN_PATIENT_WAIT_MS = 100;

type Reply = { readonly granted: (result: ClientResult) => void; readonly failed: (error: ErrorBody) => void };

/**
 * One `acquire` between its command and its answer, by the rules of the server's `Acquisition`: it answers by the state
 * as it is, not by a remembered outcome, because a request that was repeated elsewhere has the outcome of its first attempt.
 */
export class WaitingAcquire {
  private phase: 'entering' | 'waiting' | 'leaving' | 'answered' = 'entering';
  private timer: Timer | null = null;
  private isCancelled = false;

  constructor(
    private readonly parts: WaitingAcquireParts,
    readonly place: Place,
    private readonly waitMs: number | null,
    private readonly reply: Reply,
  ) {}

  get mustQueue(): boolean {
    const { space, name, leaseId } = this.place;
    const { reader } = this.parts;
    if (this.waitMs !== null && this.waitMs < MIN_PATIENT_WAIT_MS) return false;
    return reader.queueLength(space, name) > 0 && reader.queueEntry(space, name, leaseId) === null;
  }

  /** The outcome of its `queueEnter` is known. */
  entered(outcome: Outcome): void {
    if (this.phase === 'answered') return;
    if (outcome.type === 'refused') return this.fail(bodyOfRefusal(outcome));
    if (outcome.type === 'held') return this.fail(errorBody('LOCK_HELD', 'the lock is held'));
    if (outcome.type !== 'acquired' && outcome.type !== 'queued') {
      return this.fail(errorBody('INTERNAL', `acquire had the outcome ${outcome.type}`));
    }
    this.phase = 'waiting';
    this.recheck();
    if (!this.isWaiting) return;
    this.parts.waits(this);
    if (this.isCancelled) void this.leave('CANCELLED');
    else if (this.waitMs !== null)
      this.timer = this.parts.clock.setTimer(this.waitMs, () => void this.leave('LOCK_WAIT_TIMEOUT'));
  }

  fail(error: ErrorBody): void {
    if (this.phase === 'answered') return;
    this.abandon();
    this.reply.failed(error);
  }

  /** Something happened to the place. */
  recheck(): void {
    if (this.phase === 'answered') return;
    const { space, name, leaseId } = this.place;
    const entry = this.parts.reader.queueEntry(space, name, leaseId);
    if (entry === null) {
      // While leaving, the outcome of that tells why the place is gone.
      if (this.phase !== 'leaving') this.fail(this.lostPlace());
    } else if (entry.holding) this.grant(entry.record.createRevision);
  }

  /** CANCELLED, or the grant if that came first. */
  cancel(): void {
    if (this.phase === 'entering') this.isCancelled = true;
    else if (this.phase === 'waiting') void this.leave('CANCELLED');
  }

  /** Nobody listens any more, but the place stays: the client may ask again by way of another node. */
  abandon(): void {
    this.phase = 'answered';
    this.timer?.cancel();
    this.timer = null;
    this.parts.ended(this);
  }

  private get isWaiting(): boolean {
    return this.phase === 'waiting';
  }

  private async leave(reason: 'LOCK_WAIT_TIMEOUT' | 'CANCELLED'): Promise<void> {
    if (this.phase !== 'waiting') return;
    this.phase = 'leaving';
    try {
      const outcome = await this.parts.propose({ type: 'queueLeave', ...this.place, onlyIfWaiting: true });
      if (!this.isLeaving) return;
      if (outcome?.type === 'queueLeft' && outcome.left) return this.fail(errorBody(reason, 'not granted in time'));
      this.phase = 'waiting';
      this.recheck();
    } catch (error) {
      this.fail(bodyOfReplicaError(error));
    }
  }

  private get isLeaving(): boolean {
    return this.phase === 'leaving';
  }

  private grant(fencingToken: number): void {
    this.abandon();
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
}
