import type { Clock, Timer } from '@latchkey/replica';
import { ReplicaError } from '@latchkey/replica';
import type { ApplyResult, Command, LeaseChange, LeaseId, StateReader } from '@latchkey/state-machine';
import { checkpointTimeMs, nextDueMs, type CountedLease } from './counted-lease.js';
import { DueQueue } from './due-queue.js';

export type LessorOptions = {
  readonly clock: Clock;
  readonly reader: Pick<StateReader, 'leases'>;
  /** @throws ReplicaError */
  readonly propose: (commands: readonly Command[]) => Promise<ApplyResult>;
  /** @throws ReplicaError when this node does not lead any more */
  readonly confirmLeadership: () => Promise<void>;
};

export type Remaining = { readonly ttlMs: number; readonly remainingMs: number };
/** `gone`: ended or never granted. `ending`: its expiry is on its way and decides; ask again. */
export type RenewAnswer = Remaining | 'gone' | 'ending';

/** Leases that end, or are checkpointed, by one log entry. */
const MAX_LEASES_PER_BATCH = 512;
/** A failed attempt to end leases is repeated after this. */
const RETRY_DELAY_MS = 50;

/** One leadership. */
type Run = {
  readonly term: number;
  readonly leases: Map<LeaseId, CountedLease>;
  readonly due: DueQueue<CountedLease>;
  /** Past their deadline, waiting for the next round; not in `due`. */
  overdue: CountedLease[];
  isExpiring: boolean;
};

/**
 * Counts leases out, on the leader only. Nothing here ends a lease: it proposes the entry that does (ARCHITECTURE §4.3).
 *
 * Never early: a new leader counts a full TTL (or what a checkpoint left) from its start, because renewals that the old
 * leader acknowledged must survive; a renewal is acknowledged only by a leader that confirmed its quorum after the
 * renewal arrived, and an expiry is proposed only after such a confirmation. Source: FAILURE-MODES 37–42.
 */
export class Lessor {
  private run: Run | null = null;
  private timer: { readonly handle: Timer; readonly dueMs: number } | null = null;

  constructor(private readonly options: LessorOptions) {}

  /** Leases counted at the moment; 0 on a node that does not lead. */
  get countedLeases(): number {
    return this.run?.leases.size ?? 0;
  }

  /** This node leads in `term` and has applied everything of earlier terms. */
  start(term: number): void {
    this.stop();
    const run: Run = { term, leases: new Map(), due: new DueQueue(), overdue: [], isExpiring: false };
    this.run = run;
    for (const { leaseId, ttlMs, remainingTtlMs } of this.options.reader.leases())
      this.count(run, {
        leaseId,
        ttlMs,
        remainingMs: remainingTtlMs ?? ttlMs,
        isCheckpointed: remainingTtlMs !== null,
      });
    this.arm();
  }

  stop(): void {
    this.run = null;
    this.timer?.handle.cancel();
    this.timer = null;
  }

  /** To be called with every applied change, in order. */
  applied(changes: readonly LeaseChange[]): void {
    const run = this.run;
    if (run === null || changes.length === 0) return;
    for (const change of changes) this.follow(run, change);
    this.arm();
  }

  /**
   * Gives each lease a full TTL from now.
   * @throws ReplicaError when this node cannot say that it leads: nothing was promised
   */
  async renew(leaseIds: readonly LeaseId[]): Promise<readonly RenewAnswer[]> {
    const run = this.running();
    const arrivedAtMs = this.options.clock.nowMs();
    const checkpointed: Command[] = [];
    for (const leaseId of leaseIds) {
      const lease = run.leases.get(leaseId);
      if (lease === undefined || lease.isEnding) continue;
      // Moved at once, so that no expiry begins while the quorum is asked; without its consent nobody hears of it.
      lease.deadlineMs = Math.max(lease.deadlineMs, arrivedAtMs + lease.ttlMs);
      lease.checkpointAtMs = checkpointTimeMs(arrivedAtMs, lease.ttlMs);
      if (lease.isCheckpointed) checkpointed.push({ type: 'leaseRenew', leaseId });
    }
    await Promise.all([
      this.options.confirmLeadership(),
      checkpointed.length === 0 ? null : this.options.propose(checkpointed),
    ]);
    if (this.run !== run) throw notLeading();
    return leaseIds.map((leaseId) => this.renewed(run, leaseId, arrivedAtMs));
  }

  /** What is left of each, as a lower bound that stays true even if another node leads by now; null when not counted. */
  remaining(leaseIds: readonly LeaseId[]): readonly (Remaining | null)[] {
    const run = this.running();
    const nowMs = this.options.clock.nowMs();
    return leaseIds.map((leaseId) => {
      const lease = run.leases.get(leaseId);
      return lease === undefined ? null : { ttlMs: lease.ttlMs, remainingMs: Math.max(0, lease.deadlineMs - nowMs) };
    });
  }

  private running(): Run {
    if (this.run === null) throw notLeading();
    return this.run;
  }

  private renewed(run: Run, leaseId: LeaseId, arrivedAtMs: number): RenewAnswer {
    const lease = run.leases.get(leaseId);
    if (lease === undefined) return 'gone';
    // The second: its expiry was on its way when the renewal came, and has failed since.
    if (lease.isEnding || lease.deadlineMs < arrivedAtMs + lease.ttlMs) return 'ending';
    return { ttlMs: lease.ttlMs, remainingMs: Math.max(0, lease.deadlineMs - this.options.clock.nowMs()) };
  }

  private follow(run: Run, change: LeaseChange): void {
    const lease = run.leases.get(change.leaseId);
    switch (change.type) {
      case 'granted':
        this.count(run, { ...change, remainingMs: change.ttlMs, isCheckpointed: false });
        return;
      case 'ended':
        run.leases.delete(change.leaseId);
        return;
      case 'checkpointed':
        if (lease !== undefined) lease.isCheckpointed = true;
        return;
      case 'renewed':
        if (lease !== undefined) lease.isCheckpointed = false;
        return;
    }
  }

  private count(
    run: Run,
    {
      leaseId,
      ttlMs,
      remainingMs,
      isCheckpointed,
    }: Pick<CountedLease, 'leaseId' | 'ttlMs' | 'isCheckpointed'> & { readonly remainingMs: number },
  ): void {
    const nowMs = this.options.clock.nowMs();
    const checkpointAtMs = checkpointTimeMs(nowMs, remainingMs);
    const lease = { leaseId, ttlMs, deadlineMs: nowMs + remainingMs, checkpointAtMs, isCheckpointed, isEnding: false };
    run.leases.set(leaseId, lease);
    run.due.add(lease, nextDueMs(lease));
  }

  private arm(): void {
    const dueMs = this.run?.due.earliestDueMs ?? Infinity;
    if (this.timer !== null && this.timer.dueMs <= dueMs) return;
    this.timer?.handle.cancel();
    this.timer = null;
    if (dueMs === Infinity) return;
    const delayMs = Math.max(1, Math.ceil(dueMs - this.options.clock.nowMs()));
    this.timer = { dueMs, handle: this.options.clock.setTimer(delayMs, () => this.look()) };
  }

  private look(): void {
    this.timer = null;
    const run = this.run;
    if (run === null) return;
    const nowMs = this.options.clock.nowMs();
    const checkpoints: Command[] = [];
    for (let lease = run.due.takeDue(nowMs); lease !== null; lease = run.due.takeDue(nowMs)) {
      if (run.leases.get(lease.leaseId) !== lease) continue;
      if (lease.deadlineMs <= nowMs) {
        run.overdue.push(lease);
        continue;
      }
      if (lease.checkpointAtMs <= nowMs) checkpoints.push(beginCheckpoint(lease, nowMs, run.term));
      run.due.add(lease, nextDueMs(lease));
    }
    for (let start = 0; start < checkpoints.length; start += MAX_LEASES_PER_BATCH) {
      // A checkpoint that is lost costs nothing but a later end after another change of leader.
      this.options.propose(checkpoints.slice(start, start + MAX_LEASES_PER_BATCH)).catch(ignoreReplicaError);
    }
    void this.expire(run);
    this.arm();
  }

  /** One round at a time; who falls due meanwhile is in the next. */
  private async expire(run: Run): Promise<void> {
    if (run.isExpiring || run.overdue.length === 0) return;
    run.isExpiring = true;
    try {
      while (this.run === run && run.overdue.length > 0) {
        // After a pause of this process the confirmation also gives renewals that wait in a socket their turn.
        await this.options.confirmLeadership();
        if (this.run === run) await this.expireBatch(run, run.overdue.splice(0, MAX_LEASES_PER_BATCH));
      }
    } catch (error) {
      ignoreReplicaError(error);
      if (this.run === run) this.options.clock.setTimer(RETRY_DELAY_MS, () => void this.expire(run));
    } finally {
      run.isExpiring = false;
    }
  }

  private async expireBatch(run: Run, overdue: readonly CountedLease[]): Promise<void> {
    const nowMs = this.options.clock.nowMs();
    const ending: CountedLease[] = [];
    for (const lease of overdue) {
      if (run.leases.get(lease.leaseId) !== lease) continue;
      if (lease.deadlineMs > nowMs) run.due.add(lease, nextDueMs(lease));
      else {
        lease.isEnding = true;
        ending.push(lease);
      }
    }
    this.arm();
    if (ending.length === 0) return;
    try {
      await this.options.propose(ending.map(({ leaseId }) => ({ type: 'leaseExpire', leaseId, lessorTerm: run.term })));
    } catch (error) {
      // Unknown: the entry may still end the lease in this term, so no renewal may be acknowledged before that is settled.
      const mayStillEnd = error instanceof ReplicaError && error.code === 'OUTCOME_UNKNOWN';
      for (const lease of ending) lease.isEnding = mayStillEnd;
      run.overdue.push(...ending);
      throw error;
    }
    for (const lease of ending) {
      // Ended leases are gone by now; one that is not was refused by its term, and this leadership is about to end.
      lease.isEnding = false;
      if (run.leases.get(lease.leaseId) === lease) run.due.add(lease, nowMs + RETRY_DELAY_MS);
    }
    if (this.run === run) this.arm();
  }
}

function beginCheckpoint(lease: CountedLease, nowMs: number, lessorTerm: number): Command {
  const remainingTtlMs = Math.max(1, Math.ceil(lease.deadlineMs - nowMs));
  lease.checkpointAtMs = checkpointTimeMs(nowMs, remainingTtlMs);
  // From now on, not from the apply: a renewal that comes between must go through the log behind the checkpoint.
  lease.isCheckpointed = true;
  return { type: 'leaseCheckpoint', leaseId: lease.leaseId, remainingTtlMs, lessorTerm };
}

const notLeading = (): ReplicaError => new ReplicaError('NO_LEADER', 'safe', 'this node does not count leases');

/** Leadership ended, or the log is busy: the next round or the next leader does it. Anything else is a bug. */
function ignoreReplicaError(error: unknown): void {
  if (!(error instanceof ReplicaError)) throw error;
}
