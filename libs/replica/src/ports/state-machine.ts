import type { LogIndex, Term } from '@latchkey/raft';

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
