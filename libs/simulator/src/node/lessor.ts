import type { Clock, Replica } from '@latchkey/replica';
import { ReplicaError } from '@latchkey/replica';
import {
  encodeCommandBatch,
  type Command,
  type LeaseChange,
  type LeaseId,
  type StateReader,
} from '@latchkey/state-machine';

const RETRY_DELAY_MS = 50;
const LOOK_EVERY_MS = 100;

type Counted = { readonly ttlMs: number; deadlineMs: number; isEnding: boolean };

export type LessorOptions = {
  readonly clock: Clock;
  readonly reader: StateReader;
  readonly replica: () => Replica<unknown>;
};

/**
 * Counts leases out on the leader, by the rules of FAILURE-MODES 37–42: a new leader counts a full TTL; a renewal is
 * acknowledged, and an expiry proposed, only after a confirmation of leadership that began later; an expiry names the
 * term it was counted in. A model of the server's lessor, which the simulator may not import.
 */
export class SimulatedLessor {
  private run: { readonly term: number; readonly leases: Map<LeaseId, Counted> } | null = null;

  constructor(private readonly options: LessorOptions) {}

  start(term: number): void {
    const run = { term, leases: new Map<LeaseId, Counted>() };
    this.run = run;
    for (const { leaseId, ttlMs } of this.options.reader.leases()) this.count(leaseId, ttlMs);
    this.lookLater(run, LOOK_EVERY_MS);
  }

  stop(): void {
    this.run = null;
  }

  applied(changes: readonly LeaseChange[]): void {
    for (const change of changes) {
      if (change.type === 'granted') this.count(change.leaseId, change.ttlMs);
      if (change.type === 'ended') this.run?.leases.delete(change.leaseId);
    }
  }

  /** Gives the lease a full TTL from now. False when it is gone, or ending. @throws ReplicaError when nothing was promised */
  async renew(leaseId: LeaseId): Promise<boolean> {
    const { run, options } = this;
    if (run === null) throw notLeading();
    const arrivedAtMs = options.clock.nowMs();
    const lease = run.leases.get(leaseId);
    if (lease === undefined || lease.isEnding) return false;
    lease.deadlineMs = Math.max(lease.deadlineMs, arrivedAtMs + lease.ttlMs);
    await options.replica().confirmLeadership();
    if (this.run !== run) throw notLeading();
    return run.leases.get(leaseId) === lease && !lease.isEnding;
  }

  private count(leaseId: LeaseId, ttlMs: number): void {
    const deadlineMs = this.options.clock.nowMs() + ttlMs;
    this.run?.leases.set(leaseId, { ttlMs, deadlineMs, isEnding: false });
  }

  private lookLater(run: object, delayMs: number): void {
    this.options.clock.setTimer(delayMs, () => {
      if (this.run === run) void this.look();
    });
  }

  private async look(): Promise<void> {
    const { run, options } = this;
    if (run === null) return;
    const isOverdue = (lease: Counted): boolean => lease.deadlineMs <= options.clock.nowMs();
    let delayMs = LOOK_EVERY_MS;
    if ([...run.leases.values()].some(isOverdue)) {
      try {
        await options.replica().confirmLeadership();
        const ending = [...run.leases].filter(([, lease]) => isOverdue(lease));
        if (this.run === run) await this.expire(run.term, ending);
      } catch (error) {
        if (!(error instanceof ReplicaError)) throw error;
        delayMs = RETRY_DELAY_MS;
      }
    }
    this.lookLater(run, delayMs);
  }

  private async expire(lessorTerm: number, ending: readonly (readonly [LeaseId, Counted])[]): Promise<void> {
    if (ending.length === 0) return;
    for (const [, lease] of ending) lease.isEnding = true;
    const commands = ending.map(([leaseId]): Command => ({ type: 'leaseExpire', leaseId, lessorTerm }));
    try {
      await this.options.replica().propose(encodeCommandBatch({ origin: { type: 'none' }, commands }));
      for (const [, lease] of ending) lease.isEnding = false;
    } catch (error) {
      // Unknown: the entry may still end the lease in this term, so no renewal may be acknowledged before that is settled.
      const mayStillEnd = error instanceof ReplicaError && error.code === 'OUTCOME_UNKNOWN';
      for (const [, lease] of ending) lease.isEnding = mayStillEnd;
      throw error;
    }
  }
}

const notLeading = (): ReplicaError => new ReplicaError('NO_LEADER', 'safe', 'this node does not count leases');
