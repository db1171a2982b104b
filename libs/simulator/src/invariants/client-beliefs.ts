import type { LeaseId } from '@latchkey/state-machine';

/** What a client believes of its session at this moment, by its own clock. */
export type SessionBelief = {
  readonly leaseId: LeaseId;
  readonly remainingMs: number;
  /** A belief of no more than this is excused: the clocks of the run drift further apart than the client allows for. */
  readonly toleranceMs: number;
};

/** What a client believes of a lock that it was granted. */
export type LockBelief = {
  readonly client: string;
  /** With its space. */
  readonly lock: string;
  readonly fencingToken: number;
  readonly remainingMs: number;
  readonly toleranceMs: number;
  /** Its program stands still: it can be told nothing. */
  readonly isPaused: boolean;
  /** It was told that the lock is not its own any more. */
  readonly isAborted: boolean;
};

/** What the clients believe, asked when the state changes under them. */
export interface ClientBeliefs {
  sessions(): Iterable<SessionBelief>;
  locks(): Iterable<LockBelief>;
}

export const NO_BELIEFS: ClientBeliefs = { sessions: () => [], locks: () => [] };
