import { isDiskStalled } from './disk-stall.js';
import { logIndex } from './ids.js';
import type { Progress } from './progress.js';
import type { PeerProgress, RaftStatus } from './raft-status.js';
import type { RaftState } from './raft-state.js';

export function statusOf(state: RaftState): RaftStatus {
  const { log, leader } = state;
  return {
    nodeId: state.config.nodeId,
    role: state.role,
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    leaderId: state.leaderId,
    commitIndex: state.commitIndex,
    lastApplied: state.lastApplied,
    firstLogIndex: log.firstIndex,
    lastLogIndex: log.lastIndex,
    snapshotIndex: state.snapshot?.index ?? logIndex(0),
    membership: log.membership,
    transferTarget: leader?.transfer?.to ?? null,
    isDiskStalled: isDiskStalled(state),
    progress: leader === null ? [] : Array.from(leader.progress.values(), (progress) => statusOfPeer(state, progress)),
  };
}

function statusOfPeer({ nowMs, config }: RaftState, progress: Progress): PeerProgress {
  return {
    peer: progress.peer,
    state: progress.state,
    matchIndex: progress.matchIndex,
    nextIndex: progress.nextIndex,
    inFlightAppends: progress.inFlight.appends,
    recentlyActive: nowMs < progress.heardAtMs + config.electionTimeoutMs,
  };
}
