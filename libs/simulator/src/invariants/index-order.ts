import type { NodeId } from '@latchkey/raft';
import type { CheckpointFact, DiskFact, DiskView, Invariant, Report, TurnFact } from './invariant.js';

/**
 * `compacted <= snapshot <= lastApplied <= commitIndex <= lastLogIndex` on every node, and what of it is on a disk there
 * as well. Source: TESTING invariant 8, FAILURE-MODES 20.
 */
export class IndexOrder implements Invariant {
  readonly name = 'indexOrder';

  constructor(private readonly report: Report) {}

  turnEnded({ node, status }: TurnFact): void {
    const { lastApplied, commitIndex, lastLogIndex, firstLogIndex, snapshotIndex, phase } = status;
    if (phase !== 'running') return;
    const compacted = firstLogIndex - 1;
    // Until its state is restored, what a snapshot of the leader has brought is known to the log alone.
    const isInstalling = snapshotIndex > lastApplied && compacted === snapshotIndex;
    const isInOrder =
      compacted <= snapshotIndex &&
      (snapshotIndex <= lastApplied || isInstalling) &&
      snapshotIndex <= commitIndex &&
      lastApplied <= commitIndex &&
      commitIndex <= lastLogIndex;
    if (isInOrder) return;
    this.report(
      `${node}: compacted ${compacted}, snapshot ${snapshotIndex}, applied ${lastApplied}, committed ${commitIndex}, ` +
        `log up to ${lastLogIndex}`,
    );
  }

  diskWritten({ node, removedFrom, disk }: DiskFact): void {
    if (removedFrom !== null) this.check(node, disk);
  }

  checkpointWritten({ node, disk }: CheckpointFact): void {
    this.check(node, disk);
  }

  private check(node: NodeId, { base, checkpoint, lastIndex }: DiskView): void {
    const snapshot = checkpoint?.index ?? 0;
    if (base.index <= snapshot && snapshot <= lastIndex) return;
    this.report(`the disk of ${node}: compacted ${base.index}, checkpoint ${snapshot}, log up to ${lastIndex}`);
  }
}
