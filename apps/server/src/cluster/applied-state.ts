import type { LogIndex, LogPosition, Term } from '@latchkey/raft';
import type {
  CheckpointedStateMachine,
  CommittedCommand,
  StateChanges,
  StateRestore,
  StateRow,
} from '@latchkey/replica';
import type { ApplyResult, StateReader } from '@latchkey/state-machine';

/** Told of every entry right after it was applied, in the same turn. Must be quick, and must not throw. */
export type ApplyListener = (result: ApplyResult, proposedAtMs: number) => void;

/** Told when the state was replaced by a checkpoint or a leader's snapshot. Must not throw. */
export type ReplacementListener = () => void;

/** The state machine as the replica drives it, and as the rest of the node follows it. */
export class AppliedState implements CheckpointedStateMachine<ApplyResult> {
  private readonly applyListeners: ApplyListener[] = [];
  private readonly replacementListeners: ReplacementListener[] = [];

  constructor(
    private readonly machine: CheckpointedStateMachine<ApplyResult>,
    /** Reads of this node's applied state. */
    readonly reader: StateReader,
  ) {}

  /** Listeners are called in the order in which they came. */
  onApply(listener: ApplyListener): void {
    this.applyListeners.push(listener);
  }

  /**
   * The state has jumped to a later one, without the entries in between; also at the start, when it comes from the
   * checkpoint. Listeners are called in the turn of the jump, before another entry is applied and before anybody can
   * read: whoever follows the entries looks at the state anew.
   */
  onReplaced(listener: ReplacementListener): void {
    this.replacementListeners.push(listener);
  }

  apply(entry: CommittedCommand): ApplyResult {
    const result = this.machine.apply(entry);
    for (const listener of this.applyListeners) listener(result, entry.proposedAtMs);
    return result;
  }

  advance(index: LogIndex, term: Term): void {
    this.machine.advance(index, term);
  }

  takeChanges(): StateChanges {
    return this.machine.takeChanges();
  }

  changesSaved(index: LogIndex): void {
    this.machine.changesSaved(index);
  }

  beginRestore(): StateRestore {
    const restore = this.machine.beginRestore();
    return {
      add: (rows: readonly StateRow[]) => restore.add(rows),
      prepare: () => restore.prepare(),
      finish: (position: LogPosition) => {
        restore.finish(position);
        for (const listener of this.replacementListeners) listener();
      },
    };
  }
}
