import type { LogIndex, Term } from '@latchkey/raft';
import type { CommittedCommand, StateMachine as StateMachinePort } from '@latchkey/replica';
import { StateMachine, type ApplyResult } from '@latchkey/state-machine';
import { hashOfBytes } from './hash-of-bytes.js';

/** What a proposal comes to, with the place where it was applied. */
export type AppliedOutcome = { readonly index: LogIndex; readonly result: ApplyResult };

export type AppliedEntry = {
  readonly index: LogIndex;
  readonly term: Term;
  readonly commandHash: number;
  readonly result: ApplyResult | null;
};

/** The state machine port of one process: the real one, and everybody who must know what was applied. */
export class ObservedStateMachine implements StateMachinePort<AppliedOutcome> {
  readonly machine = new StateMachine();

  constructor(private readonly onApplied: (entry: AppliedEntry) => void) {}

  apply(entry: CommittedCommand): AppliedOutcome {
    const { index, term, command } = entry;
    const result = this.machine.apply(entry);
    this.onApplied({ index, term, commandHash: hashOfBytes(command), result });
    return { index, result };
  }

  advance(index: LogIndex, term: Term): void {
    this.machine.advance(index, term);
    this.onApplied({ index, term, commandHash: 0, result: null });
  }
}
