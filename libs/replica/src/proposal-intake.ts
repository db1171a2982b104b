import { proposalId, type LogIndex, type Proposal, type ProposalId, type ProposalRefusal } from '@latchkey/raft';
import type { ForwardedProposal, ForwardedProposals } from './forwarded-proposals.js';
import type { KnownLeader } from './leader-view.js';
import type { OwnProposals } from './own-proposals.js';
import type { PendingProposal } from './pending-proposals.js';
import { stampProposedAt } from './proposal-envelope.js';

/** Puts the proposals of one turn, own and forwarded, into one `propose` input, and takes the core's answers to it. */
export class ProposalIntake<Outcome> {
  /** Ids of this process are never reused; those of the batch under way follow `firstId`. */
  private nextId = 1;
  private firstId = 1;
  private ownBatch: readonly PendingProposal<Outcome>[] = [];
  private forwardedBatch: readonly ForwardedProposal[] = [];

  constructor(
    private readonly own: OwnProposals<Outcome>,
    private readonly forwarded: ForwardedProposals,
  ) {}

  /** What this leader shall append; empty when nothing waits. The answers come before the next call. */
  take(view: KnownLeader, wallTimeMs: number): readonly Proposal[] {
    this.ownBatch = this.own.hasUnrouted ? this.own.takeFor(view) : [];
    this.forwardedBatch = this.forwarded.take();
    this.firstId = this.nextId;
    const proposals: Proposal[] = [];
    for (const { envelope } of this.ownBatch) this.add(proposals, envelope, wallTimeMs);
    for (const { envelope } of this.forwardedBatch) this.add(proposals, envelope, wallTimeMs);
    return proposals;
  }

  appended(id: ProposalId, index: LogIndex): void {
    const proposal = this.ownBatch[id - this.firstId];
    if (proposal !== undefined) proposal.appendedIndex = index;
  }

  refused(id: ProposalId, reason: ProposalRefusal): void {
    const position = id - this.firstId;
    const own = this.ownBatch[position];
    if (own !== undefined) {
      this.own.refused(own, reason);
      return;
    }
    const forwarded = this.forwardedBatch[position - this.ownBatch.length];
    if (forwarded !== undefined) this.forwarded.refuse(forwarded, reason);
  }

  private add(proposals: Proposal[], envelope: Uint8Array, wallTimeMs: number): void {
    stampProposedAt(envelope, wallTimeMs);
    proposals.push({ proposalId: proposalId(this.nextId), data: envelope });
    this.nextId += 1;
  }
}
