import type { NodeId, Term } from '@latchkey/raft';
import type { ClusterView } from './cluster-view.js';
import type { Invariant, Report, SentFact } from './invariant.js';

/**
 * A granted vote, and any message of a term, leaves after both are on the sender's disk; one vote in a term.
 * Source: Raft Figure 2 (persistent state before responding), FAILURE-MODES 2.
 */
export class VoteDurability implements Invariant {
  readonly name = 'voteDurability';
  private readonly grants = new Map<string, NodeId>();

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  sent({ from, to, message }: SentFact): void {
    if (message.type !== 'raft' || message.message.type === 'preVoteRequest') return;
    const { term } = message.message;
    const durable = this.view.disks.get(from)?.hardState;
    if (durable === undefined) return;
    if (durable.currentTerm < term) {
      this.report(
        `${from} sent a ${message.message.type} of term ${term} with term ${durable.currentTerm} on its disk`,
      );
    }
    if (message.message.type === 'voteResponse' && message.message.voteGranted) this.granted(from, to, term);
  }

  private granted(voter: NodeId, candidate: NodeId, term: Term): void {
    const durable = this.view.disks.get(voter)?.hardState;
    if (durable?.currentTerm === term && durable.votedFor !== candidate) {
      this.report(`${voter} granted ${candidate} a vote in term ${term}; its disk says ${durable.votedFor ?? 'none'}`);
    }
    const vote = `${voter}/${this.view.disks.get(voter)?.historyCount ?? 0}/${term}`;
    const other = this.grants.get(vote);
    if (other === undefined) this.grants.set(vote, candidate);
    else if (other !== candidate) this.report(`${voter} voted for ${other} and for ${candidate} in term ${term}`);
  }
}
