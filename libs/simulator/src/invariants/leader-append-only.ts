import type { LogIndex, NodeId, Term } from '@latchkey/raft';
import type { Invariant, Report, TurnFact } from './invariant.js';

/** A leader never removes an entry of its log. Source: Raft Figure 3, Leader Append-Only. */
export class LeaderAppendOnly implements Invariant {
  readonly name = 'leaderAppendOnly';
  private readonly lastLogIndex = new Map<NodeId, { readonly term: Term; readonly index: LogIndex }>();

  constructor(private readonly report: Report) {}

  turnEnded({ node, status }: TurnFact): void {
    if (status.role !== 'leader') return;
    const before = this.lastLogIndex.get(node);
    if (before?.term === status.currentTerm && status.lastLogIndex < before.index) {
      this.report(
        `leader ${node} of term ${before.term} had entries up to ${before.index}, now ${status.lastLogIndex}`,
      );
    }
    if (before?.term !== status.currentTerm || before.index !== status.lastLogIndex) {
      this.lastLogIndex.set(node, { term: status.currentTerm, index: status.lastLogIndex });
    }
  }
}
