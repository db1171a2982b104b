import type { Effect, Input, RaftStatus } from '@latchkey/raft';

/** What the driver needs of `RaftNode`; unit tests give a scripted one. */
export interface RaftCore {
  step(input: Input, nowMs: number): readonly Effect[];
  nextDeadlineMs(): number;
  status(): RaftStatus;
}
