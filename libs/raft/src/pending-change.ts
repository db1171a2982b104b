import { isJoint } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';

/** The latest membership of the log can still be rolled back, or is only half of a change of voters. */
export function isChangePending({ log, commitIndex }: RaftState): boolean {
  return log.membershipIndex > commitIndex || isJoint(log.membership);
}

/**
 * Before that, an unfinished change of an earlier leader may exist that this leader has never seen; one of its own could
 * then decide with a majority that does not overlap with that one's (Ongaro 2015, FAILURE-MODES 16).
 */
export function hasCommittedInOwnTerm({ commitIndex }: RaftState, { firstIndexOfTerm }: LeaderState): boolean {
  return commitIndex >= firstIndexOfTerm;
}
