import { announceCommitIndex } from './append-sender.js';
import { logIndex, type LogIndex } from './ids.js';
import { invariant } from './invariant.js';
import { quorumValue } from './quorum.js';
import type { LeaderState, RaftState } from './raft-state.js';
import { startReadRound } from './reads.js';

/** Entries in one apply effect, so that the driver can go on in slices after a restart. */
export const MAX_APPLY_ENTRIES = 1_024;

/**
 * Commits what is durable on a majority. Counting replicas is not enough for an entry of an older term: it could still be
 * overwritten (Raft §5.4.2, Figure 8). Such entries commit with the first one of this term after them.
 * The leader counts itself only as far as its own disk has got (FAILURE-MODES 6).
 * @returns whether commitIndex has moved; the caller then tells the peers by `announceCommit`
 */
export function advanceLeaderCommit(state: RaftState, leader: LeaderState): boolean {
  const replicatedIndex = quorumValue(state.log.membership, (voter) =>
    voter === state.config.nodeId ? state.durability.durableIndex : (leader.progress.get(voter)?.matchIndex ?? 0),
  );
  if (replicatedIndex <= state.commitIndex || replicatedIndex < leader.firstIndexOfTerm) return false;
  commitUpTo(state, logIndex(replicatedIndex));
  return true;
}

/** After `advanceLeaderCommit`, once the entries that would carry the news anyway are sent. */
export function announceCommit(state: RaftState, leader: LeaderState): void {
  // A read round carries the commit index too, so it goes first.
  startReadRound(state, leader);
  announceCommitIndex(state, leader);
}

/** What this node knows to be committed. */
export function commitUpTo(state: RaftState, commitIndex: LogIndex): void {
  if (commitIndex <= state.commitIndex) return;
  const { log, output } = state;
  invariant(commitIndex <= log.lastIndex, 'committed beyond the end of the log');
  const before = state.commitIndex;
  state.commitIndex = commitIndex;
  handOutCommitted(state);
  if (log.membershipIndex <= before) return;
  for (const { index, membership } of log.membershipHistory) {
    if (index > before && index <= commitIndex) output.add({ type: 'membershipCommitted', index, membership });
  }
}

/**
 * Hands committed entries to the driver, each once, in order; only those that are on this node's own disk as well. Otherwise
 * the state could be beyond the log when the disk fails to write it, and the leader's snapshot, by which alone such a log
 * may be brought up, would take the state back.
 */
export function handOutCommitted(state: RaftState): void {
  const { log, output, durability } = state;
  const end = logIndex(Math.min(state.commitIndex, durability.durableIndex));
  while (state.handedOutIndex < end) {
    const from = logIndex(state.handedOutIndex + 1);
    const to = logIndex(Math.min(end, state.handedOutIndex + MAX_APPLY_ENTRIES));
    output.add({ type: 'apply', entries: log.slice(from, to) });
    state.handedOutIndex = to;
  }
}
