import type { LogIndex, NodeId, Term } from '@latchkey/raft';
import { holds, type ClusterView } from './cluster-view.js';
import type { DiskFact, Invariant, Report, RoleFact } from './invariant.js';

/**
 * A leader has every entry that was committed before its election. Its log is judged by its disk, at the moment when
 * its first own entry gets there. Source: Raft Figure 3, Leader Completeness.
 */
export class LeaderCompleteness implements Invariant {
  readonly name = 'leaderCompleteness';
  /** What was committed when the term's leader was elected, until the leader's disk was looked at. */
  private readonly elected = new Map<Term, { readonly leader: NodeId; readonly committedIndex: LogIndex }>();

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  roleChanged({ node, role, term, status }: RoleFact): void {
    if (role !== 'leader' || this.elected.has(term)) return;
    // A candidate may win late, when a newer leader has committed already: that need not be in its log.
    const committedIndex = this.view.committedBefore(term);
    this.elected.set(term, { leader: node, committedIndex });
    if (status.lastLogIndex < committedIndex) {
      this.report(
        `leader ${node} of term ${term} ends at ${status.lastLogIndex}; committed was up to ${committedIndex}`,
      );
    }
  }

  diskWritten({ node, appended, disk }: DiskFact): void {
    for (const { term } of appended) {
      const election = this.elected.get(term);
      if (election?.leader !== node) continue;
      this.elected.delete(term);
      const { committedIndex } = election;
      if (!holds(this.view, disk, committedIndex)) {
        this.report(`leader ${node} of term ${term} does not hold what was committed up to ${committedIndex}`);
      }
    }
  }
}
