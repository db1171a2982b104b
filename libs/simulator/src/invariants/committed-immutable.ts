import type { ClusterView } from './cluster-view.js';
import type { DiskFact, Invariant, Report } from './invariant.js';

/** What is committed is never taken from a disk that holds it. Source: FAILURE-MODES 7, TESTING invariant 6. */
export class CommittedImmutable implements Invariant {
  readonly name = 'committedImmutable';

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  diskWritten({ node, removedFrom, removedChains, disk }: DiskFact): void {
    if (removedFrom === null || removedFrom > this.view.committedIndex) return;
    const committed = this.view.committedChainAt(removedFrom);
    const wasCommitted = removedChains[0] === committed;
    if (wasCommitted && disk.chainAt(removedFrom) !== committed) {
      this.report(`${node} removed entry ${removedFrom}, which was committed (up to ${this.view.committedIndex})`);
    }
  }
}
