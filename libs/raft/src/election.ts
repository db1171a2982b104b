import { sendNewEntriesToAll } from './append-sender.js';
import { isDiskStalled } from './disk-stall.js';
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
  const isCandidate = mayCampaign(state);
  if (isCandidate && !isDiskStalled(state)) {
    startPreVote(state);
    return;
  }
  // Without a vote or a disk it never campaigns, but it must not keep its readers waiting for a leader that is gone.
  forgetLeader(state);
  resetElectionTimer(state);
  // It asks only because it may have been removed, and nobody sends to those. The leader would say so; grants count for nothing.
  if (!isCandidate) sendToOtherVoters(state, preVoteRequest(state));
}

/** Grants without voting: the same conditions as for a vote, but nothing is remembered (Raft thesis §9.6). */
export function handlePreVoteRequest(state: RaftState, from: NodeId, request: PreVoteRequest): void {
  const voteGranted = !hearsLeader(state) && request.term > state.currentTerm && mayLead(state, request);
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
  if (hasWon(state)) startElection(state, { leadershipTransfer: false });
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
    mayLead(state, request);
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

/**
 * Whether the candidate's log is at least as up to date (Raft §5.4.1), and holds all that is known to be committed. The second
 * follows from the first for a node that has kept its log. One that came back with an empty store has forgotten what it once
 * confirmed, and would help a candidate of an old membership that nobody has told of the present one.
 */
function mayLead({ log, heardCommitIndex }: RaftState, candidate: VoteRequest | PreVoteRequest): boolean {
  return candidate.lastLogIndex >= heardCommitIndex && log.isNoNewerThan(candidate);
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

/**
 * A voter; and also who had a vote until a membership that is not known to be committed. It may be one of the few who hold
 * that entry, so that the others need a leader among those (Raft thesis §4.2.2). Its own vote does not count then.
 * But not who knows that its log lacks committed entries. No voter that holds them would vote for it; and the memberships that
 * took its vote may be among them: a node that came back with an empty store, and has an old part of the log again in which it
 * was the only voter, would elect itself.
 */
function mayCampaign({ log, commitIndex, heardCommitIndex, config }: RaftState): boolean {
  if (log.lastIndex < heardCommitIndex) return false;
  for (const { index, membership } of log.membershipHistory.toReversed()) {
    if (isVoter(membership, config.nodeId)) return true;
    if (index <= commitIndex) return false;
  }
  return false;
}

function startPreVote(state: RaftState): void {
  becomePreCandidate(state);
  resetElectionTimerForAttempt(state);
  if (state.hurriedElectionsLeft > 0) state.hurriedElectionsLeft -= 1;
  sendToOtherVoters(state, preVoteRequest(state));
  if (hasWon(state)) startElection(state, { leadershipTransfer: false });
}

function preVoteRequest({ currentTerm, log }: RaftState): PreVoteRequest {
  return {
    type: 'preVoteRequest',
    term: term(currentTerm + 1),
    lastLogIndex: log.lastIndex,
    lastLogTerm: log.lastTerm,
  };
}

/** @param leadershipTransfer the leader itself asked for it, so its followers need not hold the candidate off */
export function startElection(
  state: RaftState,
  { leadershipTransfer }: { readonly leadershipTransfer: boolean },
): void {
  becomeCandidate(state);
  resetElectionTimerForAttempt(state);
  const request = {
    type: 'voteRequest',
    term: state.currentTerm,
    lastLogIndex: state.log.lastIndex,
    lastLogTerm: state.log.lastTerm,
    leadershipTransfer,
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
  return !isDiskStalled(state) && hasQuorum(state.log.membership, (voter) => state.votesGranted.has(voter));
}

function sendToOtherVoters(state: RaftState, request: PreVoteRequest | VoteRequest): void {
  for (const voter of otherVoters(state.log.membership, state.config.nodeId)) {
    state.output.send(voter, request, state.durability.hardStateWrite);
  }
}
