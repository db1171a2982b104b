import { sendConfirmationRound } from './append-sender.js';
import type { LogIndex, NodeId, ReadId } from './ids.js';
import type { RaftMessage } from './messages.js';
import { quorumValue } from './quorum.js';
import type { LeaderState, Reader, RaftState } from './raft-state.js';

/*
 * Linearizable reads without log entries (ReadIndex, Raft thesis §6.4). The leader takes its commitIndex as the read
 * index and then has a majority confirm that it still leads. All readers that wait share one round; who comes while a
 * round is under way joins the next, because a confirmation that began before the read proves nothing (FAILURE-MODES 22).
 */

/** Reads that may wait at one node; more fail at once. */
export const MAX_PENDING_READS = 10_000;

type ReadIndexRequest = Extract<RaftMessage, { readonly type: 'readIndexRequest' }>;
type ReadIndexResponse = Extract<RaftMessage, { readonly type: 'readIndexResponse' }>;
type ReadIndexRefused = Extract<RaftMessage, { readonly type: 'readIndexRefused' }>;

/** A read of this node: answered here when it leads, else by the leader it knows, else not at all. */
export function handleRead(state: RaftState, readId: ReadId): void {
  if (state.leader !== null) {
    addReader(state, state.leader, { readId, from: null });
  } else if (state.leaderId === null || state.askedReads.size >= MAX_PENDING_READS) {
    state.output.add({ type: 'failRead', readId });
  } else {
    state.askedReads.set(readId, state.nowMs + state.config.electionTimeoutMs);
    const request = { type: 'readIndexRequest', term: state.currentTerm, readId } as const;
    state.output.send(state.leaderId, request, state.durability.hardStateWrite);
  }
}

export function handleReadIndexRequest(state: RaftState, from: NodeId, request: ReadIndexRequest): void {
  const reader = { readId: request.readId, from };
  if (state.leader === null) refuse(state, reader);
  else addReader(state, state.leader, reader);
}

export function handleReadIndexResponse(state: RaftState, response: ReadIndexResponse): void {
  if (state.askedReads.delete(response.readId))
    complete(state, { readId: response.readId, from: null }, response.readIndex);
}

export function handleReadIndexRefused(state: RaftState, refusal: ReadIndexRefused): void {
  if (state.askedReads.delete(refusal.readId)) state.output.add({ type: 'failRead', readId: refusal.readId });
}

/**
 * Begins the next round if readers wait and none is under way. Not before the leader has committed an entry of its own
 * term: until then its commitIndex may be behind what was acknowledged (Raft §8, FAILURE-MODES 21).
 */
export function startReadRound(state: RaftState, leader: LeaderState): void {
  if (leader.readRound !== null || leader.waitingReads.length === 0) return;
  if (state.commitIndex < leader.firstIndexOfTerm) return;
  leader.confirmRound += 1;
  leader.readRound = { round: leader.confirmRound, readIndex: state.commitIndex, readers: leader.waitingReads };
  leader.waitingReads = [];
  sendConfirmationRound(state, leader);
  // A sole voter needs nobody else.
  finishReadRound(state, leader);
}

/** Completes the round under way if a majority has answered it, and begins the next. */
export function finishReadRound(state: RaftState, leader: LeaderState): void {
  const round = leader.readRound;
  if (round === null) return;
  const confirmed = quorumValue(state.log.membership, (voter) =>
    voter === state.config.nodeId ? leader.confirmRound : (leader.progress.get(voter)?.confirmedRound ?? -1),
  );
  if (confirmed < round.round) return;
  leader.readRound = null;
  for (const reader of round.readers) complete(state, reader, round.readIndex);
  startReadRound(state, leader);
}

/** Leadership is over: none of the waiting reads can be confirmed any more. */
export function failLeaderReads(state: RaftState, leader: LeaderState): void {
  const readers = [...(leader.readRound?.readers ?? []), ...leader.waitingReads];
  leader.readRound = null;
  leader.waitingReads = [];
  for (const reader of readers) refuse(state, reader);
}

/** The leader that was asked is not the leader any more, as far as this node knows. */
export function failAskedReads(state: RaftState): void {
  for (const readId of state.askedReads.keys()) state.output.add({ type: 'failRead', readId });
  state.askedReads.clear();
}

/** Question or answer was lost, or the leader cannot confirm. */
export function expireAskedReads(state: RaftState): void {
  for (const [readId, deadlineMs] of state.askedReads) {
    if (deadlineMs > state.nowMs) return;
    state.askedReads.delete(readId);
    state.output.add({ type: 'failRead', readId });
  }
}

/** When the oldest read that waits for the leader fails; Infinity when there is none. */
export function askedReadsDeadlineMs(state: RaftState): number {
  for (const deadlineMs of state.askedReads.values()) return deadlineMs;
  return Infinity;
}

function addReader(state: RaftState, leader: LeaderState, reader: Reader): void {
  const pending = leader.waitingReads.length + (leader.readRound?.readers.length ?? 0);
  if (pending >= MAX_PENDING_READS) {
    refuse(state, reader);
    return;
  }
  leader.waitingReads.push(reader);
  startReadRound(state, leader);
}

function complete(state: RaftState, { readId, from }: Reader, readIndex: LogIndex): void {
  if (from === null) state.output.add({ type: 'completeRead', readId, readIndex });
  else state.output.send(from, { type: 'readIndexResponse', term: state.currentTerm, readId, readIndex }, null);
}

function refuse(state: RaftState, { readId, from }: Reader): void {
  if (from === null) {
    state.output.add({ type: 'failRead', readId });
    return;
  }
  const refusal = { type: 'readIndexRefused', term: state.currentTerm, readId } as const;
  state.output.send(from, refusal, state.durability.hardStateWrite);
}
