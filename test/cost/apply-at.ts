import { logIndex, term } from '@latchkey/raft';
import type { ApplyResult, StateMachine } from '@latchkey/state-machine';

/** The entry at `index` of a log that has one term. */
export const applyAt = (machine: StateMachine, index: number, command: Uint8Array): ApplyResult =>
  machine.apply({ index: logIndex(index), term: term(1), proposedAtMs: 0, command });
