import { membershipAt, type ClusterView } from './cluster-view.js';
import type { CheckpointFact, Invariant, Report, TurnFact } from './invariant.js';
import { isSameMembership } from './quorum.js';

/**
 * What takes the place of log entries is committed, stands where it says, and says who took part there; and a node that
 * counts on it has it on its disk.
 * Source: Raft §7, FAILURE-MODES 19, 20, 25.
 */
export class CheckpointCommitted implements Invariant {
  readonly name = 'checkpointCommitted';

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  turnEnded({ node, status: { checkpointIndex } }: TurnFact): void {
    const durable = this.view.disks.get(node)?.checkpoint?.index ?? 0;
    if (checkpointIndex > durable) {
      this.report(`${node} counts on a checkpoint at ${checkpointIndex}; the one on its disk is at ${durable}`);
    }
  }

  checkpointWritten({ node, kind, disk }: CheckpointFact): void {
    const place = kind === 'compact' ? disk.base : disk.checkpoint;
    if (place === null) return;
    const { index, term } = place;
    const chain = this.view.committedChainAt(index);
    if (chain === null || this.view.committedTermAt(index) !== term || disk.chainAt(index) !== chain) {
      this.report(`${kind} at ${index}/${term} on the disk of ${node}, whose log was not committed there`);
      return;
    }
    if (kind === 'compact' || disk.checkpoint === null) return;
    const { membership } = disk.checkpoint;
    const expected = membershipAt(this.view, index).membership;
    if (isSameMembership(membership, expected)) return;
    this.report(
      `the checkpoint of ${node} at ${index} names ${JSON.stringify(membership)}; it was ${JSON.stringify(expected)}`,
    );
  }
}
