import type { NodeId } from '@latchkey/raft';
import type { ClusterView } from './cluster-view.js';
import type { Invariant, Report, TurnFact } from './invariant.js';

/**
 * A leader counts copies only of entries of its own term: its commit index moves to such an entry, never to an older
 * one, which could still be overwritten. Source: Raft §5.4.2 and Figure 8, FAILURE-MODES 1.
 */
export class OwnTermCommit implements Invariant {
  readonly name = 'ownTermCommit';
  private readonly lastCommit = new Map<NodeId, { readonly term: number; readonly commitIndex: number }>();

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  turnEnded({ node, status }: TurnFact): void {
    const { role, currentTerm, commitIndex } = status;
    const before = this.lastCommit.get(node);
    if (before?.term === currentTerm && before.commitIndex === commitIndex) return;
    this.lastCommit.set(node, { term: currentTerm, commitIndex });
    if (role !== 'leader' || before?.term !== currentTerm || commitIndex <= before.commitIndex) return;
    const term = this.view.disks.get(node)?.termAt(commitIndex) ?? currentTerm;
    if (term !== currentTerm) {
      this.report(`leader ${node} of term ${currentTerm} committed up to entry ${commitIndex} of term ${term}`);
    }
  }
}
