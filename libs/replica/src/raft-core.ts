import type { Effect, Input, LogIndex, Membership, RaftStatus } from '@latchkey/raft';
import type { DurableState } from './ports/log-store.js';

/** What the driver needs of `RaftNode`; unit tests give a scripted one. */
export interface RaftCore {
  step(input: Input, nowMs: number): readonly Effect[];
  nextDeadlineMs(): number;
  status(): RaftStatus;
}

/** Builds the core from what is durable. `runNumber` grows with each, so that it can draw other timeouts. */
export type CreateCore = (durable: DurableState, nowMs: number, run: CoreRun) => RaftCore;

/** With which a core begins, each time, besides what is durable in the log. */
export type CoreStart = {
  /** In force before the first membership of the log. */
  readonly initialMembership: Membership;
  /** See `StoreIdentity`. */
  readonly joinedIndex: LogIndex;
};

export type CoreRun = CoreStart & { readonly runNumber: number };
