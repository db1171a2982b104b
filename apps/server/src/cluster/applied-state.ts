import type { LogIndex, Term } from '@latchkey/raft';
import type { CommittedCommand, StateMachine as StateMachinePort } from '@latchkey/replica';
import type { ApplyResult, StateReader } from '@latchkey/state-machine';

/** Told of every entry right after it was applied, in the same turn. Must be quick, and must not throw. */
export type ApplyListener = (result: ApplyResult, proposedAtMs: number) => void;

/** The state machine as the replica drives it, and as the rest of the node follows it. */
export class AppliedState implements StateMachinePort<ApplyResult> {
  private readonly listeners: ApplyListener[] = [];

  constructor(
    private readonly machine: StateMachinePort<ApplyResult>,
    /** Reads of this node's applied state. */
    readonly reader: StateReader,
  ) {}

  /** Listeners are called in the order in which they came. */
  onApply(listener: ApplyListener): void {
    this.listeners.push(listener);
  }

  apply(entry: CommittedCommand): ApplyResult {
    const result = this.machine.apply(entry);
    for (const listener of this.listeners) listener(result, entry.proposedAtMs);
    return result;
  }

  advance(index: LogIndex, term: Term): void {
    this.machine.advance(index, term);
  }
}
