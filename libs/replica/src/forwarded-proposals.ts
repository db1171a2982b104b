import type { NodeId, ProposalRefusal, Term } from '@latchkey/raft';
import type { LeaderView } from './leader-view.js';
import type { PeerSender } from './peer-sender.js';
import { incarnationOf, isEnvelope, leaderTermOf, sequenceOf } from './proposal-envelope.js';
import { SeenSequences } from './seen-sequences.js';

export type ForwardedProposal = {
  readonly from: NodeId;
  readonly envelope: Uint8Array;
};

/** The leader's side of forwarding: takes each proposal at most once, and says which ones it did not take. */
export class ForwardedProposals {
  private gathered: ForwardedProposal[] = [];
  private readonly seen = new SeenSequences();
  private readonly refused = new Map<NodeId, Map<ProposalRefusal, number[]>>();

  constructor(
    private readonly transport: PeerSender,
    private readonly maxGathered: number,
  ) {}

  get hasGathered(): boolean {
    return this.gathered.length > 0;
  }

  /** This node leads from here on. */
  leads(term: Term): void {
    this.seen.begin(term);
  }

  /**
   * What a peer sent. Bytes that are no envelope are dropped: their sender waits in vain, we do not suffer. Nor is anything
   * said to a repeat, even when this node leads no more: the first copy may be in its log.
   */
  receive(from: NodeId, envelopes: readonly Uint8Array[], view: LeaderView): void {
    for (const envelope of envelopes) {
      if (!isEnvelope(envelope)) continue;
      const proposal = { from, envelope };
      const term = leaderTermOf(envelope);
      if (!this.seen.add(term, incarnationOf(envelope), sequenceOf(envelope))) continue;
      // Meant for a leadership that has ended here before it came: no log has it, so it is safe to say so.
      if (view.role !== 'leader' || term !== view.term) this.refuse(proposal, 'notLeader');
      else if (this.gathered.length >= this.maxGathered) this.refuse(proposal, 'overloaded');
      else this.gathered.push(proposal);
    }
  }

  /** The proposals to append now. */
  take(): readonly ForwardedProposal[] {
    const taken = this.gathered;
    this.gathered = [];
    return taken;
  }

  /** Leadership ended before these were given to the core. */
  refuseGathered(): void {
    for (const proposal of this.take()) this.refuse(proposal, 'notLeader');
  }

  /** The proposal is in no log of this node and never will be. */
  refuse(proposal: ForwardedProposal, reason: ProposalRefusal): void {
    let byReason = this.refused.get(proposal.from);
    if (byReason === undefined) this.refused.set(proposal.from, (byReason = new Map()));
    const sequences = byReason.get(reason);
    if (sequences === undefined) byReason.set(reason, [sequenceOf(proposal.envelope)]);
    else sequences.push(sequenceOf(proposal.envelope));
  }

  /** One message per origin and reason for all refusals of this turn. */
  sendRefusals(): void {
    if (this.refused.size === 0) return;
    for (const [origin, byReason] of this.refused) {
      for (const [reason, sequences] of byReason) {
        this.transport.send(origin, {
          type: 'proposalsRefused',
          sequences,
          reason,
        });
      }
    }
    this.refused.clear();
  }

  /** The core is gone; so is what waited for it. Nothing is sent. */
  clear(): void {
    this.gathered = [];
    this.refused.clear();
  }
}
