import type { LogIndex, NodeId, ProposalRefusal } from '@latchkey/raft';
import { ByteSlab } from './byte-slab.js';
import type { KnownLeader, LeaderView } from './leader-view.js';
import { MAX_COMMAND_BYTES, MAX_FORWARD_MESSAGE_BYTES } from './limits.js';
import { noLeader, overloaded, PendingProposals, type PendingProposal } from './pending-proposals.js';
import type { PeerSender } from './peer-sender.js';
import { resealProposal, sealProposal, stampLeaderTerm } from './proposal-envelope.js';
import { ReplicaError } from './replica-error.js';

const TWO_POW_32 = 2 ** 32;
/** Where the sequences of a run begin differs between runs, so that a refusal meant for an earlier run names none of ours. */
const SEQUENCE_ORIGINS = 2 ** 16;

export type OwnProposalsOptions = {
  readonly nodeId: NodeId;
  readonly incarnation: number;
  readonly transport: PeerSender;
  readonly maxUnrouted: number;
  readonly maxPending: number;
  readonly timeoutMs: number;
  /** A proposal that has not left this node after this long fails as NO_LEADER. */
  readonly leaderWaitMs: number;
};

/**
 * The proposals made at this node: gathered within a turn, then given to the own core or forwarded to the leader.
 * None is ever sent twice unless the first receiver has said that it did not and will not append it.
 */
export class OwnProposals<Outcome> {
  private readonly pending: PendingProposals<Outcome>;
  /** No node and no log has these. In the order of their age. */
  private unrouted: PendingProposal<Outcome>[] = [];
  private lastSequence: number;
  private readonly slab = new ByteSlab();

  constructor(private readonly options: OwnProposalsOptions) {
    this.pending = new PendingProposals(options.timeoutMs);
    this.lastSequence = (options.incarnation % SEQUENCE_ORIGINS) * TWO_POW_32;
  }

  /** Proposals without an outcome yet. */
  get size(): number {
    return this.pending.size;
  }

  get hasUnrouted(): boolean {
    return this.unrouted.length > 0;
  }

  nextDeadlineMs(): number {
    const oldest = this.unrouted[0];
    const leaderDeadlineMs = oldest === undefined ? Infinity : oldest.startedAtMs + this.options.leaderWaitMs;
    return Math.min(leaderDeadlineMs, this.pending.nextDeadlineMs());
  }

  /** @throws ReplicaError (as a rejection) TOO_LARGE, OVERLOADED at once; see `Replica.propose` */
  propose(command: Uint8Array, nowMs: number): Promise<Outcome> {
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
        route: null,
        appendedIndex: 0,
        refusedInTerm: 0,
        settled: false,
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
    }
  }

  resolve(sequence: number, outcome: Outcome): void {
    this.pending.resolve(sequence, outcome);
  }

  /** Leader or term changed: what went to another leadership than the present one may be lost, or committed later. */
  leaderChanged(view: LeaderView, committedIndex: LogIndex): void {
    this.pending.failLost(({ route, appendedIndex }) => {
      if (route === null || (appendedIndex > 0 && appendedIndex <= committedIndex)) return false;
      return route.term !== view.term || route.leaderId !== view.leaderId;
    }, 'the leader changed');
  }

  /** The connection closed; what was on its way may or may not have arrived. */
  peerDown(peer: NodeId): void {
    this.pending.failLost(({ route }) => route?.leaderId === peer, `the connection to the leader ${peer} closed`);
  }

  expire(nowMs: number): void {
    this.pending.expire(nowMs);
    const overdueSinceMs = nowMs - this.options.leaderWaitMs;
    let overdue = 0;
    for (const proposal of this.unrouted) {
      if (proposal.startedAtMs > overdueSinceMs) break;
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
    proposal.route = null;
    this.lastSequence += 1;
    const sequence = this.lastSequence;
    this.pending.rename(proposal, sequence, resealProposal(proposal.envelope, sequence));
    // The oldest stays in front, where its deadline is looked for.
    let position = this.unrouted.length;
    while (position > 0 && (this.unrouted[position - 1]?.startedAtMs ?? 0) > proposal.startedAtMs) position -= 1;
    this.unrouted.splice(position, 0, proposal);
  }
}

function tooLarge(byteCount: number): ReplicaError {
  return new ReplicaError('TOO_LARGE', 'never', `a command of ${byteCount} bytes is too large`);
}
