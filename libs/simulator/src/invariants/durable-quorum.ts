import { disksHolding, type ClusterView } from './cluster-view.js';
import type { AckFact, AppliedFact, Invariant, Report } from './invariant.js';

/**
 * What is applied, and what a client is told, is on the disks of a majority at that moment.
 * Source: Raft §5.3 (committed), FAILURE-MODES 6, 26; TESTING invariant 15.
 */
export class DurableQuorum implements Invariant {
  readonly name = 'durableQuorum';

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  applied({ node, index, isFirst }: AppliedFact): void {
    if (isFirst) this.check(index, `${node} applied`);
  }

  acknowledged({ client, index }: AckFact): void {
    this.check(index, `${client} was told of`);
  }

  private check(index: number, what: string): void {
    const disks = disksHolding(this.view, index, this.view.committedChainAt(index));
    if (disks < this.view.majority) this.report(`${what} entry ${index}, which is on ${disks} disks`);
  }
}
