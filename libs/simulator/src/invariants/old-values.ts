import type { Invariant, MissingValueFact, Report } from './invariant.js';

/**
 * A value that a node has taken out of its memory can be read from its disk for as long as somebody may ask for it: what left
 * was in a checkpoint, and the rows that take a checkpoint's place are those of a later state.
 * Source: the duties of `CheckpointStore.readRows` and `CheckpointedStateMachine.changesSaved`.
 */
export class OldValues implements Invariant {
  readonly name = 'oldValues';

  constructor(private readonly report: Report) {}

  valueMissing({ node, record, isReadable, appliedIndex, disk }: MissingValueFact): void {
    if (!isReadable || disk.damage !== null) return;
    // By a snapshot of the leader: the node is about to be restored by those rows.
    const isOfLaterState = disk.checkpoint !== null && disk.checkpoint.index > appliedIndex;
    if (isOfLaterState) return;
    const at = `revision ${record.modRevision} of ${JSON.stringify(record.key)}`;
    this.report(
      `${node} has the value of ${at} neither in memory nor in the checkpoint at ${disk.checkpoint?.index ?? 0}`,
    );
  }
}
