import type { LogIndex, LogPosition, Term } from '@latchkey/raft';
import type { StateChanges, StateRow } from './checkpoint-store.js';

/** A committed entry as the state machine sees it. */
export type CommittedCommand = {
  readonly index: LogIndex;
  readonly term: Term;
  /** Wall clock of the leader that appended it, ms since 1970; data for display, never for a decision. */
  readonly proposedAtMs: number;
  /** As given to `Replica.propose`. A view: copy what you keep. */
  readonly command: Uint8Array;
};

/**
 * The replicated state. Called synchronously, in log order, each committed entry once per process.
 *
 * Duties: deterministic (no clock, randomness, locale, map-order dependence); never throws for bad data, which is a
 * refusal in the outcome; a throw is a bug and stops the node.
 */
export interface StateMachine<Outcome> {
  apply(entry: CommittedCommand): Outcome;
  /** An entry without a command (no-op, membership) was committed at `index`. */
  advance(index: LogIndex, term: Term): void;
}

/** A state machine whose state can be checkpointed, restored, and sent to another node. */
export interface CheckpointedStateMachine<Outcome> extends StateMachine<Outcome> {
  /**
   * What has changed since the last call, or since the restore, or since the beginning. Captured now, at a cost that
   * does not grow with the state; later entries do not show in it.
   */
  takeChanges(): StateChanges;
  /** The changes that were taken when the entry at `index` was the last one are durable: they are in the store's rows. */
  changesSaved(index: LogIndex): void;
  /** Begins to build another state beside the present one, which stays until `finish`. */
  beginRestore(): StateRestore;
}

export interface StateRestore {
  /** Rows in key order, all of them over the calls. @throws when they cannot be the rows of a state */
  add(rows: readonly StateRow[]): void;
  /**
   * After the last row: a step of what is left to do, of a millisecond or two. False when nothing is left, so that
   * `finish` takes no time. @throws as `add` does
   */
  prepare(): boolean;
  /** The rows were those of the state at `position`: it takes the place of the present one at once. */
  finish(position: LogPosition): void;
}
