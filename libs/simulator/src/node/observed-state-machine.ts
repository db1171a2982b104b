import type { LogIndex, LogPosition, Term } from '@latchkey/raft';
import type { CheckpointedStateMachine, CommittedCommand, StateChanges, StateRestore } from '@latchkey/replica';
import { StateMachine, type ApplyResult } from '@latchkey/state-machine';

/** What a proposal comes to, with the place where it was applied. */
export type AppliedOutcome = { readonly index: LogIndex; readonly result: ApplyResult };

export type AppliedEntry = {
  readonly index: LogIndex;
  readonly term: Term;
  /** Null for an entry without one. */
  readonly command: Uint8Array | null;
  readonly result: ApplyResult | null;
};

/** The state machine port of one process: the real one, and everybody who must know what was applied. */
export class ObservedStateMachine implements CheckpointedStateMachine<AppliedOutcome> {
  /** Values leave memory as soon as they may: whoever reads old ones needs the disk. */
  readonly machine = new StateMachine({ maxHotHistoryBytes: 0 });

  constructor(
    private readonly onApplied: (entry: AppliedEntry) => void,
    private readonly onRestored: (position: LogPosition) => void,
  ) {}

  apply(entry: CommittedCommand): AppliedOutcome {
    const { index, term, command } = entry;
    const result = this.machine.apply(entry);
    this.onApplied({ index, term, command, result });
    return { index, result };
  }

  advance(index: LogIndex, term: Term): void {
    this.machine.advance(index, term);
    this.onApplied({ index, term, command: null, result: null });
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
      add: (rows) => restore.add(rows),
      prepare: () => restore.prepare(),
      finish: (position) => {
        restore.finish(position);
        this.onRestored(position);
      },
    };
  }
}
