import { term as termOf } from '@latchkey/raft';
import type { ClusterView } from './cluster-view.js';
import { isOnQuorum } from './durable-quorum.js';
import type { DiskFact, Invariant, Report } from './invariant.js';

/**
 * What is committed is never taken from a disk that holds it. A slow disk may still be told, meanwhile, what a leader of an
 * earlier term than the one it was committed in had put into its place: then a quorum must have it without that disk.
 * Source: FAILURE-MODES 7, TESTING invariant 6.
 */
export class CommittedImmutable implements Invariant {
  readonly name = 'committedImmutable';

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  diskWritten({ node, removedFrom, removedChains, disk }: DiskFact): void {
    const { committedIndex } = this.view;
    if (removedFrom === null || removedFrom > committedIndex) return;
    const committed = this.view.committedChainAt(removedFrom);
    const wasCommitted = removedChains[0] === committed;
    if (!wasCommitted || disk.chainAt(removedFrom) === committed) return;
    const instead = disk.termAt(removedFrom);
    const wasDecidedBefore = instead !== null && removedFrom > this.view.committedBefore(termOf(instead + 1));
    if (wasDecidedBefore && isOnQuorum(this.view, committedIndex)) return;
    this.report(`${node} removed entry ${removedFrom}, which was committed (up to ${committedIndex})`);
  }
}
