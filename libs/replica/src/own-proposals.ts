import type { LogIndex, NodeId, ProposalRefusal, Term } from '@latchkey/raft';
import { ByteSlab } from './byte-slab.js';
import type { KnownLeader, LeaderView } from './leader-view.js';
import { MAX_COMMAND_BYTES, MAX_FORWARD_MESSAGE_BYTES, MAX_PATIENT_PROPOSALS, PATIENT_PROPOSAL_MS } from './limits.js';
import { noLeader, overloaded, PendingProposals, type PendingProposal } from './pending-proposals.js';
import type { PeerSender } from './peer-sender.js';
import type { Clock } from './ports/clock.js';
import { resealProposal, sealProposal, stampLeaderTerm } from './proposal-envelope.js';
import type { ProposeOptions } from './replica-api.js';
import { ReplicaError } from './replica-error.js';

const TWO_POW_32 = 2 ** 32;
/** Where the sequences of a run begin differs between runs, so that a refusal meant for an earlier run names none of ours. */
const SEQUENCE_ORIGINS = 2 ** 16;

export type OwnProposalsOptions = {
  readonly nodeId: NodeId;
  readonly incarnation: number;
  readonly transport: PeerSender;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly maxUnrouted: number;
  readonly maxPending: number;
  readonly timeoutMs: number;
  /** A proposal that has not left this node after this long fails as NO_LEADER. */
  readonly leaderWaitMs: number;
  /** Nothing is offered for this long to a leader that is handing over. */
  readonly handoverWaitMs: number;
};

/**
 * The proposals made at this node: gathered within a turn, then given to the own core or forwarded to the leader.
 * None is ever sent twice unless it is certain that the first copy is in no log for ever: its receiver has said so, or
 * an entry of a later term was applied here and the copy before it was not (what an earlier leadership appended and is
 * ever committed stands before everything of a later one).
 */
export class OwnProposals<Outcome> {
  private readonly pending: PendingProposals<Outcome>;
  /** No node and no log has these. In the order in which they began to wait. */
  private unrouted: PendingProposal<Outcome>[] = [];
  private lastSequence: number;
  private readonly slab = new ByteSlab();
  /** The leader of this term is handing over. */
  private handover: { readonly term: Term; readonly untilMs: number } | null = null;
  /** Of the proposals whose leadership has ended and whose fate is open: the earliest term. */
  private earliestOpenTerm = Infinity;

  constructor(private readonly options: OwnProposalsOptions) {
    this.pending = new PendingProposals(options.timeoutMs);
    this.lastSequence = (options.incarnation % SEQUENCE_ORIGINS) * TWO_POW_32;
  }

  /** Proposals without an outcome yet. */
  get size(): number {
    return this.pending.size;
  }

  /** Something waits for a leader, and the one we know of last takes proposals. */
  get hasUnrouted(): boolean {
    return this.unrouted.length > 0 && (this.handover === null || this.options.clock.nowMs() >= this.handover.untilMs);
  }

  /** Not all of them can wait for others. */
  get mustLeave(): boolean {
    if (!this.hasUnrouted) return false;
    const { unrouted } = this;
    if (unrouted.length > MAX_PATIENT_PROPOSALS) return true;
    const patientSinceMs = this.options.clock.nowMs() - PATIENT_PROPOSAL_MS;
    return unrouted.some(({ canWait, startedAtMs }) => startedAtMs <= patientSinceMs || canWait?.() !== true);
  }

  nextDeadlineMs(): number {
    const oldest = this.unrouted[0];
    if (oldest === undefined) return this.pending.nextDeadlineMs();
    const patientUntilMs = oldest.canWait === null ? 0 : oldest.startedAtMs + PATIENT_PROPOSAL_MS;
    const leaderDeadlineMs = oldest.waitingSinceMs + this.options.leaderWaitMs;
    const handoverEndMs = this.hasUnrouted ? Infinity : (this.handover?.untilMs ?? Infinity);
    // Once it is over it is no deadline any more: without a leader they wait on.
    const patienceEndMs = patientUntilMs > this.options.clock.nowMs() ? patientUntilMs : Infinity;
    return Math.min(leaderDeadlineMs, handoverEndMs, patienceEndMs, this.pending.nextDeadlineMs());
  }

  /** @throws ReplicaError (as a rejection) TOO_LARGE, OVERLOADED at once; see `Replica.propose` */
  propose(command: Uint8Array, nowMs: number, { canWait }: ProposeOptions = {}): Promise<Outcome> {
    if (command.byteLength > MAX_COMMAND_BYTES) return Promise.reject(tooLarge(command.byteLength));
    if (this.pending.size >= this.options.maxPending || this.unrouted.length >= this.options.maxUnrouted) {
      return Promise.reject(overloaded());
    }
    this.lastSequence += 1;
    const sequence = this.lastSequence;
    return new Promise<Outcome>((resolve, reject) => {
      const proposal: PendingProposal<Outcome> = {
        sequence,
        envelope: sealProposal({ incarnation: this.options.incarnation, sequence }, command, this.slab),
        startedAtMs: nowMs,
        waitingSinceMs: nowMs,
        route: null,
        appendedIndex: 0,
        refusedInTerm: 0,
        unknownAfterMs: Infinity,
        settled: false,
        canWait: canWait ?? null,
        resolve,
        reject,
      };
      this.pending.add(proposal);
      this.unrouted.push(proposal);
    });
  }

  /** What may go to the leader of `view.term` now, marked as sent there: from here on its fate is in other hands. */
  takeFor(view: KnownLeader): readonly PendingProposal<Outcome>[] {
    const route = { leaderId: view.leaderId, term: view.term };
    const taken: PendingProposal<Outcome>[] = [];
    const kept: PendingProposal<Outcome>[] = [];
    for (const proposal of this.unrouted) {
      if (proposal.settled) continue;
      if (proposal.refusedInTerm >= view.term) {
        kept.push(proposal);
        continue;
      }
      proposal.route = route;
      stampLeaderTerm(proposal.envelope, view.term);
      taken.push(proposal);
    }
    this.unrouted = kept;
    return taken;
  }

  /** Sends everything that waits to the leader, in as few messages as the size limit allows. */
  forwardTo(view: KnownLeader): void {
    let message: Uint8Array[] = [];
    let byteCount = 0;
    for (const { envelope } of this.takeFor(view)) {
      if (message.length > 0 && byteCount + envelope.byteLength > MAX_FORWARD_MESSAGE_BYTES) {
        this.options.transport.send(view.leaderId, {
          type: 'forwardProposals',
          proposals: message,
        });
        message = [];
        byteCount = 0;
      }
      message.push(envelope);
      byteCount += envelope.byteLength;
    }
    if (message.length > 0) {
      this.options.transport.send(view.leaderId, {
        type: 'forwardProposals',
        proposals: message,
      });
    }
  }

  /** A leader says that it has not appended these and never will. */
  refusedBy(from: NodeId, sequences: readonly number[], reason: ProposalRefusal): void {
    for (const sequence of sequences) {
      const proposal = this.pending.find(sequence);
      if (proposal?.route?.leaderId === from) this.refused(proposal, reason);
    }
  }

  /** As `refusedBy`, for one proposal; also when the own core refuses. */
  refused(proposal: PendingProposal<Outcome>, reason: ProposalRefusal): void {
    if (proposal.settled) return;
    switch (reason) {
      case 'overloaded':
        return this.pending.reject(proposal, overloaded());
      case 'tooLarge':
        return this.pending.reject(proposal, tooLarge(proposal.envelope.byteLength));
      case 'notLeader':
        return this.waitForAnotherLeader(proposal);
      case 'transferring':
        return this.waitForHandover(proposal);
    }
  }

  resolve(sequence: number, outcome: Outcome): void {
    this.pending.resolve(sequence, outcome);
  }

  /** The newest proposal made so far; see `failSentUpTo`. */
  get latestSequence(): number {
    return this.lastSequence;
  }

  /** Those that had left this node when `sequence` was the latest are settled as unknown. */
  failSentUpTo(sequence: number, reason: string): void {
    this.pending.failLost((proposal) => proposal.sequence <= sequence, reason);
  }

  /** Leader or term changed: what went to another leadership than the present one is in the log by now, or never. */
  leaderChanged(view: LeaderView, committedIndex: LogIndex): void {
    if (this.handover !== null && this.handover.term !== view.term) this.handover = null;
    const unknownAfterMs = this.options.clock.nowMs() + this.options.leaderWaitMs;
    for (const proposal of this.pending.sent(() => true)) {
      const { route, appendedIndex } = proposal;
      if (route === null || (appendedIndex > 0 && appendedIndex <= committedIndex)) continue;
      if (route.term === view.term && route.leaderId === view.leaderId) proposal.unknownAfterMs = Infinity;
      else if (proposal.unknownAfterMs === Infinity) {
        this.pending.unknownAfter(proposal, unknownAfterMs);
        this.earliestOpenTerm = Math.min(this.earliestOpenTerm, route.term);
      }
    }
  }

  /** An entry of this term was applied here, after all that came before it: what is open from earlier terms is lost. */
  termApplied(term: Term): void {
    if (term <= this.earliestOpenTerm) return;
    this.earliestOpenTerm = Infinity;
    for (const proposal of this.pending.sent(({ unknownAfterMs }) => unknownAfterMs < Infinity)) {
      const openTerm = proposal.route?.term ?? term;
      if (openTerm < term) this.waitForAnotherLeader(proposal);
      else this.earliestOpenTerm = Math.min(this.earliestOpenTerm, openTerm);
    }
  }

  /** The leader of the present term, this node, has given up handing over. */
  handoverFailed(): void {
    this.handover = null;
  }

  /** The connection closed; what was on its way may or may not have arrived. */
  peerDown(peer: NodeId): void {
    this.pending.failLost(
      ({ route, unknownAfterMs }) => route?.leaderId === peer && unknownAfterMs === Infinity,
      `the connection to the leader ${peer} closed`,
    );
  }

  expire(nowMs: number): void {
    this.pending.expire(nowMs);
    const overdueSinceMs = nowMs - this.options.leaderWaitMs;
    let overdue = 0;
    for (const proposal of this.unrouted) {
      if (proposal.waitingSinceMs > overdueSinceMs) break;
      overdue += 1;
      this.pending.reject(proposal, noLeader());
    }
    if (overdue > 0) this.unrouted.splice(0, overdue);
  }

  /** What left this node is unknown, the rest fails with `unsent`. */
  failAll(unsent: ReplicaError, reason: string): void {
    this.unrouted = [];
    this.pending.failAll(unsent, reason);
  }

  private waitForAnotherLeader(proposal: PendingProposal<Outcome>): void {
    proposal.refusedInTerm = proposal.route?.term ?? 0;
    this.waitAgain(proposal);
  }

  /** For the next leader; or for the same one when the handover cannot be under way any more. */
  private waitForHandover(proposal: PendingProposal<Outcome>): void {
    const { term } = proposal.route ?? { term: null };
    const nowMs = this.options.clock.nowMs();
    const isKnown = this.handover?.term === term && nowMs < this.handover.untilMs;
    if (term !== null && !isKnown) this.handover = { term, untilMs: nowMs + this.options.handoverWaitMs };
    this.waitAgain(proposal);
  }

  private waitAgain(proposal: PendingProposal<Outcome>): void {
    proposal.route = null;
    proposal.appendedIndex = 0;
    proposal.unknownAfterMs = Infinity;
    proposal.waitingSinceMs = this.options.clock.nowMs();
    this.lastSequence += 1;
    const sequence = this.lastSequence;
    this.pending.rename(proposal, sequence, resealProposal(proposal.envelope, sequence));
    this.unrouted.push(proposal);
  }
}

function tooLarge(byteCount: number): ReplicaError {
  return new ReplicaError('TOO_LARGE', 'never', `a command of ${byteCount} bytes is too large`);
}
