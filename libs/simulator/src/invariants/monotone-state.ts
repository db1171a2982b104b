import type { NodeId } from '@latchkey/raft';
import type { CheckpointFact, DiskFact, Invariant, Report, TurnFact } from './invariant.js';

type Seen = { readonly process: number; readonly appliedIndex: number };

/**
 * Term and vote, checkpoint and base of a disk image never go back, across restarts; the applied index never goes back in
 * a process, whether entries or snapshots move it. (Term
 * and commit index in memory may: a core that is built anew from the store knows what is durable, no more.)
 * Source: Raft Figure 2; FAILURE-MODES 3, 32; TESTING invariant 7.
 */
export class MonotoneState implements Invariant {
  readonly name = 'monotoneState';
  private readonly seen = new Map<NodeId, Seen>();

  constructor(private readonly report: Report) {}

  diskWritten({ node, before, after }: DiskFact): void {
    if (after.currentTerm < before.currentTerm) {
      this.report(`the disk of ${node} went back from term ${before.currentTerm} to ${after.currentTerm}`);
    }
    const isSameTerm = after.currentTerm === before.currentTerm;
    if (isSameTerm && before.votedFor !== null && after.votedFor !== before.votedFor) {
      this.report(
        `the disk of ${node} changed its vote in term ${after.currentTerm} from ${before.votedFor} to ${after.votedFor ?? 'none'}`,
      );
    }
  }

  checkpointWritten({ node, baseBefore, checkpointBefore, disk: { base, checkpoint } }: CheckpointFact): void {
    if (base.index < baseBefore) this.report(`the log of ${node} began after ${baseBefore}, now after ${base.index}`);
    if ((checkpoint?.index ?? 0) < checkpointBefore) {
      this.report(`the checkpoint of ${node} went back from ${checkpointBefore} to ${checkpoint?.index ?? 0}`);
    }
  }

  turnEnded({ node, process, status }: TurnFact): void {
    const { appliedIndex } = status;
    const before = this.seen.get(node);
    if (before?.process === process && before.appliedIndex === appliedIndex) return;
    if (before?.process === process && appliedIndex < before.appliedIndex) {
      this.report(`${node} had applied up to ${before.appliedIndex}, now ${appliedIndex}`);
    }
    this.seen.set(node, { process, appliedIndex });
  }
}
