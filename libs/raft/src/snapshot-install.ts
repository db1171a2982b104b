import { followLeader } from './append-receiver.js';
import { logIndex, type LogIndex, type NodeId } from './ids.js';
import type { Input } from './inputs.js';
import type { RaftMessage } from './messages.js';
import { MAX_TERM } from './message-dispatch.js';
import type { RaftState } from './raft-state.js';
import { adoptTerm } from './roles.js';
import type { SnapshotMeta } from './snapshot-meta.js';

type SnapshotReceived = Extract<Input, { readonly type: 'snapshotReceived' }>;

/**
 * A whole snapshot of the leader of `term` is here (InstallSnapshot, Raft §7). Whoever this node was, it follows the
 * leader first (FAILURE-MODES 19). A snapshot of what is committed here anyway is not needed; the driver sees by the
 * missing `installSnapshot` that it may drop it.
 * @throws InvariantViolation when two nodes lead in one term
 */
export function handleSnapshotReceived(state: RaftState, { from, term, snapshot }: SnapshotReceived): void {
  // A leader has seen every term of its log; what says otherwise is damaged.
  const isDamaged = from === state.config.nodeId || term > MAX_TERM || snapshot.term > term;
  if (isDamaged || term < state.currentTerm) return;
  if (term > state.currentTerm) adoptTerm(state, term);
  followLeader(state, from);
  if (snapshot.index <= state.commitIndex) acknowledgeCommitted(state, from);
  else if (!isOnlyVoter(snapshot, state.config.nodeId)) install(state, from, snapshot);
}

/**
 * The only voter has every entry, at least up to the one that gives others a vote. So one that needs a snapshot from such a time
 * has lost its store since, and its vote must have been taken from it in what follows the snapshot: it waits for a later one. With
 * this one it would elect itself, after a restart too, and lead beside those who have all entries.
 */
function isOnlyVoter({ membership }: SnapshotMeta, node: NodeId): boolean {
  return [...membership.voters, ...membership.votersOutgoing].every((voter) => voter === node);
}

/**
 * What follows the snapshot in this log stays only if the log holds the snapshot's last entry: else it differs from the
 * leader's, and kept it would be refused and bring on the next snapshot, without end (FAILURE-MODES 19).
 */
function install(state: RaftState, leaderId: NodeId, snapshot: SnapshotMeta): void {
  const { log, durability, commitIndex, output } = state;
  const keepsTail = log.termAt(snapshot.index) === snapshot.term;
  durability.noteSnapshot({ snapshot, keepsTail, lastSharedIndex: commitIndex });
  log.resetTo(snapshot, { keepsTail });
  state.snapshot = snapshot;
  state.commitIndex = snapshot.index;
  state.handedOutIndex = snapshot.index;
  output.add({ type: 'membershipCommitted', index: snapshot.index, membership: snapshot.membership });
  output.send(leaderId, accepted(state, snapshot.index), durability.latestWrite);
}

/** Not needed: all that is committed here is in the leader's log as well (Leader Completeness, Raft §5.4). */
function acknowledgeCommitted(state: RaftState, leaderId: NodeId): void {
  const { durability, commitIndex, output } = state;
  const matchIndex = logIndex(Math.min(commitIndex, durability.durableIndex));
  output.send(leaderId, accepted(state, matchIndex), durability.hardStateWrite);
}

function accepted(state: RaftState, matchIndex: LogIndex): RaftMessage {
  return {
    type: 'appendAccepted',
    term: state.currentTerm,
    matchIndex,
    // It answers no append, so it confirms no round.
    confirmRound: 0,
    wantsCommitNotice: state.wantsCommitNotices,
  };
}
