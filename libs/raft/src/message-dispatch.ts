import { handleAppendAccepted, handleAppendRejected } from './append-answers.js';
import { handleAppendRequest, handleCommitNotice } from './append-receiver.js';
import {
  handlePreVoteRequest,
  handlePreVoteResponse,
  handleVoteRequest,
  handleVoteResponse,
  isHeldOff,
} from './election.js';
import type { NodeId } from './ids.js';
import { assertNever } from './invariant.js';
import { handleTimeoutNow } from './leadership-transfer.js';
import type { RaftMessage } from './messages.js';
import type { RaftState } from './raft-state.js';
import { handleReadIndexRefused, handleReadIndexRequest, handleReadIndexResponse } from './reads.js';
import { handleRemovedNotice, isFromRemovedNode, tellRemoved } from './removal.js';
import { adoptTerm } from './roles.js';

/** No cluster gets here by elections; a term above it is damage, and the next term must still be an exact number. */
export const MAX_TERM = 2 ** 48;

/** The rules for all servers (Raft Figure 2), then the handler of the message. */
export function handleMessage(state: RaftState, from: NodeId, message: RaftMessage): void {
  if (from === state.config.nodeId || message.term > MAX_TERM) return;
  if (isFromRemovedNode(state, from, message)) return tellRemoved(state, from);
  if (message.type === 'voteRequest' && isHeldOff(state, message)) return;
  // The term of a pre-vote request is one that the sender might have, so nobody adopts it (Raft thesis §9.6).
  if (message.type !== 'preVoteRequest' && message.term > state.currentTerm) adoptTerm(state, message.term);
  switch (message.type) {
    case 'preVoteRequest':
      return handlePreVoteRequest(state, from, message);
    case 'preVoteResponse':
      return handlePreVoteResponse(state, from, message);
    case 'voteRequest':
      return handleVoteRequest(state, from, message);
    case 'voteResponse':
      return handleVoteResponse(state, from, message);
    case 'appendRequest':
      return handleAppendRequest(state, from, message);
    case 'commitNotice':
      return handleCommitNotice(state, from, message);
    case 'appendAccepted':
      return handleAppendAccepted(state, from, message);
    case 'appendRejected':
      return handleAppendRejected(state, from, message);
    case 'timeoutNow':
      return handleTimeoutNow(state, from, message);
    case 'removedNotice':
      return handleRemovedNotice(state, message);
    case 'readIndexRequest':
      return handleReadIndexRequest(state, from, message);
    case 'readIndexResponse':
      return handleReadIndexResponse(state, message);
    case 'readIndexRefused':
      return handleReadIndexRefused(state, message);
    default:
      return assertNever(message);
  }
}
