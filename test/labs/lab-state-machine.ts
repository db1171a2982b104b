import type { LogPosition } from '@latchkey/raft';
import type { CommittedCommand, StateRestore } from '@latchkey/replica';
import {
  RecordingStateMachine,
  type AppliedCommand,
  type RecordedOutcome,
} from '../../libs/replica/src/test-support/recording-state-machine.js';

type OnApplied = (place: number, command: AppliedCommand) => void;

/** The list of commands of one server; everything in it is shown to the test, also when it comes with a snapshot. */
export class LabStateMachine extends RecordingStateMachine {
  constructor(
    private readonly onApplied: OnApplied,
    private readonly report: (problem: string) => void,
  ) {
    super();
  }

  override apply(entry: CommittedCommand): RecordedOutcome {
    const outcome = super.apply(entry);
    this.showFrom(this.commands.length);
    return outcome;
  }

  override beginRestore(): StateRestore {
    const restore = super.beginRestore();
    return {
      add: (rows) => restore.add(rows),
      prepare: () => restore.prepare(),
      finish: (position) => this.finish(restore, position),
    };
  }

  private finish(restore: StateRestore, position: LogPosition): void {
    const countBefore = this.commands.length;
    restore.finish(position);
    if (this.commands.length < countBefore) {
      this.report(`a snapshot took the state back from ${countBefore} commands to ${this.commands.length}`);
    }
    this.showFrom(1);
  }

  private showFrom(firstPlace: number): void {
    this.commands.slice(firstPlace - 1).forEach((command, offset) => this.onApplied(firstPlace + offset, command));
  }
}
