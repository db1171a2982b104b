import { sendNewEntriesToAll } from './append-sender.js';
import { hearsLeader, resetElectionTimer, resetElectionTimerForAttempt } from './election-timer.js';
import { logIndex, term, type NodeId } from './ids.js';
import type { LogEntry } from './log-entry.js';
import type { RaftMessage } from './messages.js';
import { hasQuorum, isVoter, otherVoters } from './quorum.js';
import type { RaftState } from './raft-state.js';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate, forgetLeader } from './roles.js';

type VoteRequest = Extract<RaftMessage, { readonly type: 'voteRequest' }>;
type VoteResponse = Extract<RaftMessage, { readonly type: 'voteResponse' }>;
type PreVoteRequest = Extract<RaftMessage, { readonly type: 'preVoteRequest' }>;
type PreVoteResponse = Extract<RaftMessage, { readonly type: 'preVoteResponse' }>;

/** No leader was heard for an election timeout, or the last election came to nothing (Raft §5.2). */
export function handleElectionTimeout(state: RaftState): void {
  if (isVoter(state.log.membership, state.config.nodeId)) {
    startPreVote(state);
    return;
  }
  // A learner never campaigns, but it must not keep its readers waiting for a leader that is gone.
  forgetLeader(state);
  resetElectionTimer(state);
}

/** Grants without voting: the same conditions as for a vote, but nothing is remembered (Raft thesis §9.6). */
export function handlePreVoteRequest(state: RaftState, from: NodeId, request: PreVoteRequest): void {
  const voteGranted = !hearsLeader(state) && request.term > state.currentTerm && state.log.isNoNewerThan(request);
  const response = {
    type: 'preVoteResponse',
    term: state.currentTerm,
    requestTerm: request.term,
    voteGranted,
  } as const;
  state.output.send(from, response, state.durability.hardStateWrite);
}

export function handlePreVoteResponse(state: RaftState, from: NodeId, response: PreVoteResponse): void {
  if (state.role !== 'preCandidate' || response.requestTerm !== state.currentTerm + 1) return;
  if (!response.voteGranted) return;
  state.votesGranted.add(from);
  if (hasWon(state)) startElection(state);
}

/** Whether a vote request is to be ignored, its term included, because a live leader is known (Raft thesis §4.2.3). */
export function isHeldOff(state: RaftState, request: VoteRequest): boolean {
  return hearsLeader(state) && !request.leadershipTransfer;
}

/**
 * Grants or refuses a vote: one per term, first come first served (Raft §5.2), and only to a candidate whose log is at
 * least as up to date (§5.4.1). Who asks need not be in this node's membership: it may know a newer one, and so must
 * this node vote although it may be a learner by its own (FAILURE-MODES 18). The answer leaves after the vote is durable.
 * The caller has adopted the request's term and has dealt with `isHeldOff`.
 */
export function handleVoteRequest(state: RaftState, from: NodeId, request: VoteRequest): void {
  const voteGranted =
    request.term === state.currentTerm &&
    (state.votedFor === null || state.votedFor === from) &&
    state.log.isNoNewerThan(request);
  if (voteGranted) {
    if (state.votedFor === null) state.durability.noteHardState();
    state.votedFor = from;
    // Whoever asked for pre-votes himself leaves the field to the one he has just voted for.
    becomeFollower(state, state.leaderId);
    resetElectionTimer(state);
  }
  const response = { type: 'voteResponse', term: state.currentTerm, voteGranted } as const;
  state.output.send(from, response, state.durability.hardStateWrite);
}

export function handleVoteResponse(state: RaftState, from: NodeId, response: VoteResponse): void {
  if (state.role !== 'candidate' || response.term !== state.currentTerm || !response.voteGranted) return;
  state.votesGranted.add(from);
  if (hasWon(state)) takeOffice(state);
}

/** A candidate's vote for itself counts once it is on its own disk (FAILURE-MODES 2, 6). */
export function countOwnVoteIfDurable(state: RaftState): void {
  const { nodeId } = state.config;
  if (state.role !== 'candidate' || state.votesGranted.has(nodeId)) return;
  if (state.durability.hardStateWrite !== null) return;
  state.votesGranted.add(nodeId);
  if (hasWon(state)) takeOffice(state);
}

function startPreVote(state: RaftState): void {
  becomePreCandidate(state);
  resetElectionTimerForAttempt(state);
  if (state.hurriedElectionsLeft > 0) state.hurriedElectionsLeft -= 1;
  const request = {
    type: 'preVoteRequest',
    term: term(state.currentTerm + 1),
    lastLogIndex: state.log.lastIndex,
    lastLogTerm: state.log.lastTerm,
  } as const;
  sendToOtherVoters(state, request);
  if (hasWon(state)) startElection(state);
}

function startElection(state: RaftState): void {
  becomeCandidate(state);
  resetElectionTimerForAttempt(state);
  const request = {
    type: 'voteRequest',
    term: state.currentTerm,
    lastLogIndex: state.log.lastIndex,
    lastLogTerm: state.log.lastTerm,
    leadershipTransfer: false,
  } as const;
  sendToOtherVoters(state, request);
}

/** The no-op lets the leader commit, and so read, without waiting for a proposal (Raft §8). */
function takeOffice(state: RaftState): void {
  const index = logIndex(state.log.lastIndex + 1);
  const noop: LogEntry = { type: 'noop', index, term: state.currentTerm };
  const leader = becomeLeader(state, index);
  state.log.append([noop]);
  state.durability.noteAppended(index);
  sendNewEntriesToAll(state, leader);
}

function hasWon(state: RaftState): boolean {
  return hasQuorum(state.log.membership, (voter) => state.votesGranted.has(voter));
}

function sendToOtherVoters(state: RaftState, request: PreVoteRequest | VoteRequest): void {
  for (const voter of otherVoters(state.log.membership, state.config.nodeId)) {
    state.output.send(voter, request, state.durability.hardStateWrite);
  }
}
