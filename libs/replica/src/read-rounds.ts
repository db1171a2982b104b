import { readId, type LogIndex, type ReadId, type Term } from '@latchkey/raft';
import type { LeaderView } from './leader-view.js';
import { noLeader, overloaded } from './pending-proposals.js';
import type { ReplicaError } from './replica-error.js';

export type ReadWaiter = {
  readonly deadlineMs: number;
  /** For `confirmLeadership`: the term in which the asker led; null for a read. */
  readonly leaderTerm: Term | null;
  /** The read index; it may not be applied here yet. */
  readonly resolve: (readIndex: LogIndex) => void;
  /** NO_LEADER or OVERLOADED. */
  readonly reject: (error: ReplicaError) => void;
};

export type ReadRoundsOptions = {
  /** A failed attempt is repeated after this, or as soon as a leader appears. */
  readonly retryDelayMs: number;
  readonly maxWaiting: number;
  /** No id below this is used: an answer to an earlier run of this process must not fit a read of this one. */
  readonly firstReadId: number;
};

/**
 * Linearizable reads (ReadIndex, Raft thesis §6.4): all who wait share one attempt. Whoever arrives while one is under
 * way joins the next, because the confirmation must begin after the call; each attempt has an id of its own (FAILURE-MODES 22).
 */
export class ReadRounds {
  private waiting: ReadWaiter[] = [];
  private inFlight: { readonly readId: ReadId; readonly waiters: readonly ReadWaiter[] } | null = null;
  private lastReadId: number;
  private retryAtMs = 0;
  private deadlineBoundMs = Infinity;

  constructor(private readonly options: ReadRoundsOptions) {
    this.lastReadId = options.firstReadId - 1;
  }

  nextDeadlineMs(): number {
    const retryMs = this.inFlight === null && this.waiting.length > 0 ? this.retryAtMs : Infinity;
    return Math.min(retryMs, this.deadlineBoundMs);
  }

  join(waiter: ReadWaiter): void {
    if (this.waiting.length >= this.options.maxWaiting) {
      waiter.reject(overloaded());
      return;
    }
    this.deadlineBoundMs = Math.min(this.deadlineBoundMs, waiter.deadlineMs);
    this.waiting.push(waiter);
  }

  /** The id of an attempt to begin now, for all who wait; null when there is none to begin. */
  begin(nowMs: number): ReadId | null {
    if (this.inFlight !== null || this.waiting.length === 0 || nowMs < this.retryAtMs) return null;
    this.lastReadId += 1;
    const id = readId(this.lastReadId);
    this.inFlight = { readId: id, waiters: this.waiting };
    this.waiting = [];
    return id;
  }

  complete(id: ReadId, readIndex: LogIndex, view: LeaderView): void {
    const round = this.inFlight;
    if (round?.readId !== id) return;
    this.inFlight = null;
    for (const waiter of round.waiters) {
      if (waiter.leaderTerm === null || isLeaderOf(waiter.leaderTerm, view)) waiter.resolve(readIndex);
      else waiter.reject(noLeader());
    }
  }

  fail(id: ReadId, nowMs: number): void {
    if (this.inFlight?.readId !== id) return;
    this.retryAtMs = nowMs + this.options.retryDelayMs;
    this.takeBack();
  }

  leaderChanged(view: LeaderView): void {
    this.retryAtMs = 0;
    const stillLeads = (waiter: ReadWaiter): boolean => {
      if (waiter.leaderTerm === null || isLeaderOf(waiter.leaderTerm, view)) return true;
      waiter.reject(noLeader());
      return false;
    };
    this.waiting = this.waiting.filter(stillLeads);
    if (this.inFlight !== null) this.keepInFlight(this.inFlight.waiters.filter(stillLeads));
  }

  /** The core that was asked is gone; who waits asks the next one. */
  coreLost(): void {
    if (this.inFlight !== null) this.takeBack();
  }

  expire(nowMs: number): void {
    if (nowMs < this.deadlineBoundMs) return;
    this.deadlineBoundMs = Infinity;
    const isInTime = (waiter: ReadWaiter): boolean => {
      if (waiter.deadlineMs <= nowMs) {
        waiter.reject(noLeader());
        return false;
      }
      this.deadlineBoundMs = Math.min(this.deadlineBoundMs, waiter.deadlineMs);
      return true;
    };
    this.waiting = this.waiting.filter(isInTime);
    if (this.inFlight !== null) this.keepInFlight(this.inFlight.waiters.filter(isInTime));
  }

  failAll(error: ReplicaError): void {
    this.coreLost();
    const failed = this.waiting;
    this.waiting = [];
    this.deadlineBoundMs = Infinity;
    for (const waiter of failed) waiter.reject(error);
  }

  /** An attempt for nobody must not keep the next one from beginning. */
  private keepInFlight(waiters: readonly ReadWaiter[]): void {
    if (this.inFlight !== null) this.inFlight = waiters.length === 0 ? null : { ...this.inFlight, waiters };
  }

  private takeBack(): void {
    this.waiting = [...(this.inFlight?.waiters ?? []), ...this.waiting];
    this.inFlight = null;
  }
}

function isLeaderOf(leaderTerm: Term, view: LeaderView): boolean {
  return view.role === 'leader' && view.term === leaderTerm;
}
