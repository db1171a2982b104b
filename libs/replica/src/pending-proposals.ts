import type { LogIndex, NodeId, Term } from '@latchkey/raft';
import { ReplicaError } from './replica-error.js';

/** The leadership that a proposal was sent to. No other can ever append that copy of it. */
export type ProposalRoute = { readonly leaderId: NodeId; readonly term: Term };

/** A proposal of this node whose caller waits for the outcome. */
export type PendingProposal<Outcome> = {
  sequence: number;
  envelope: Uint8Array;
  readonly startedAtMs: number;
  /** Since when it waits for a leader that it can be sent to. */
  waitingSinceMs: number;
  /** Where it was sent; null while no other node and no log can have it. */
  route: ProposalRoute | null;
  /** Its place in our own log; 0 unless we appended it ourselves. */
  appendedIndex: LogIndex | 0;
  /** The leader of this term has refused it, so it waits for another. */
  refusedInTerm: Term | 0;
  /** The leadership that it was sent to has ended. Without certainty by then it fails as unknown; else Infinity. */
  unknownAfterMs: number;
  settled: boolean;
  /** See `ProposeOptions`; null: at once. */
  readonly canWait: (() => boolean) | null;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
};

const TWO_POW_32 = 2 ** 32;

/** Every proposal of this node that has no outcome yet, by sequence. */
export class PendingProposals<Outcome> {
  /** Keyed by the low 32 bits: small integers make cheap keys, and those of one process differ in them. */
  private readonly byKey = new Map<number, PendingProposal<Outcome>>();
  private deadlineBoundMs = Infinity;

  constructor(private readonly timeoutMs: number) {}

  get size(): number {
    return this.byKey.size;
  }

  /** When `expire` has something to do at the earliest. */
  nextDeadlineMs(): number {
    return this.deadlineBoundMs;
  }

  add(proposal: PendingProposal<Outcome>): void {
    this.byKey.set(keyOf(proposal.sequence), proposal);
    this.deadlineBoundMs = Math.min(this.deadlineBoundMs, proposal.startedAtMs + this.timeoutMs);
  }

  find(sequence: number): PendingProposal<Outcome> | undefined {
    const proposal = this.byKey.get(keyOf(sequence));
    return proposal?.sequence === sequence ? proposal : undefined;
  }

  /** The proposals that had been sent, and that `matches` names. */
  sent(matches: (proposal: PendingProposal<Outcome>, route: ProposalRoute) => boolean): PendingProposal<Outcome>[] {
    const sent: PendingProposal<Outcome>[] = [];
    for (const proposal of this.byKey.values()) {
      if (proposal.route !== null && matches(proposal, proposal.route)) sent.push(proposal);
    }
    return sent;
  }

  /** Whatever is known by then. */
  unknownAfter(proposal: PendingProposal<Outcome>, unknownAfterMs: number): void {
    proposal.unknownAfterMs = unknownAfterMs;
    this.deadlineBoundMs = Math.min(this.deadlineBoundMs, unknownAfterMs);
  }

  /** The next attempt goes by another sequence, so that a late answer to the first is not taken for one to the second. */
  rename(proposal: PendingProposal<Outcome>, sequence: number, envelope: Uint8Array): void {
    this.byKey.delete(keyOf(proposal.sequence));
    proposal.sequence = sequence;
    proposal.envelope = envelope;
    this.byKey.set(keyOf(sequence), proposal);
  }

  /** An own proposal was applied. Whoever gave up on it before has been told that it does not know. */
  resolve(sequence: number, outcome: Outcome): void {
    const proposal = this.find(sequence);
    if (proposal === undefined) return;
    this.settle(proposal);
    proposal.resolve(outcome);
  }

  reject(proposal: PendingProposal<Outcome>, error: ReplicaError): void {
    if (proposal.settled) return;
    this.settle(proposal);
    proposal.reject(error);
  }

  /** Nobody will tell us any more what became of those that `isLost` names. */
  failLost(isLost: (proposal: PendingProposal<Outcome>) => boolean, reason: string): void {
    for (const proposal of this.sent(isLost)) this.reject(proposal, outcomeUnknown(reason));
  }

  /** Proposals that left this node fail as unknown, the others with `unsent`. */
  failAll(unsent: ReplicaError, reason: string): void {
    for (const proposal of this.byKey.values()) {
      this.reject(proposal, proposal.route === null ? unsent : outcomeUnknown(reason));
    }
  }

  expire(nowMs: number): void {
    if (nowMs < this.deadlineBoundMs) return;
    this.deadlineBoundMs = Infinity;
    for (const proposal of this.byKey.values()) {
      const deadlineMs = Math.min(proposal.startedAtMs + this.timeoutMs, proposal.unknownAfterMs);
      if (deadlineMs > nowMs) this.deadlineBoundMs = Math.min(this.deadlineBoundMs, deadlineMs);
      else if (proposal.route === null) this.reject(proposal, noLeader());
      else if (proposal.unknownAfterMs <= nowMs) this.reject(proposal, outcomeUnknown('the leader changed'));
      else this.reject(proposal, outcomeUnknown(`no outcome within ${this.timeoutMs} ms`));
    }
  }

  private settle(proposal: PendingProposal<Outcome>): void {
    proposal.settled = true;
    this.byKey.delete(keyOf(proposal.sequence));
  }
}

function keyOf(sequence: number): number {
  return (sequence % TWO_POW_32) | 0;
}

export function noLeader(): ReplicaError {
  return new ReplicaError('NO_LEADER', 'safe', 'no leader is known; nothing was done');
}

export function overloaded(): ReplicaError {
  return new ReplicaError('OVERLOADED', 'safe', 'too much waits already; nothing was done');
}

export function outcomeUnknown(reason: string): ReplicaError {
  return new ReplicaError('OUTCOME_UNKNOWN', 'onlyIfIdempotent', `the outcome is unknown: ${reason}`);
}

export function shuttingDown(): ReplicaError {
  return new ReplicaError('SHUTTING_DOWN', 'safe', 'this node is stopping; nothing was done');
}
