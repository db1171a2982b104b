import { assertNever, type RaftMessage } from '@latchkey/raft';
import { positionText, rangesText } from './entry-text.js';

type MessageOf<Type extends RaftMessage['type']> = Extract<RaftMessage, { readonly type: Type }>;

/** One line for people. Its first word is the name by which scenarios select messages. */
export function messageText(message: RaftMessage): string {
  const term = `term ${message.term}`;
  switch (message.type) {
    case 'preVoteRequest':
      return `pre-vote? ${term}, log ends at ${lastEntryText(message)}`;
    case 'preVoteResponse':
      return `pre-vote ${answerText(message)} for term ${message.requestTerm}, is in ${term}`;
    case 'voteRequest':
      return `vote? ${term}, log ends at ${lastEntryText(message)}${message.leadershipTransfer ? ', by transfer' : ''}`;
    case 'voteResponse':
      return `vote ${answerText(message)}, ${term}`;
    case 'appendRequest':
      return appendText(message);
    case 'commitNotice':
      return `commit-notice ${term}, ${previousText(message)} is the same, commit ${message.leaderCommit}`;
    case 'appendAccepted':
      return acceptedText(message);
    case 'appendRejected':
      return rejectedText(message);
    case 'timeoutNow':
      return `timeout-now ${term}`;
    case 'removedNotice':
      return `removed-notice ${term}, membership of ${message.membershipIndex}`;
    case 'readIndexRequest':
      return `read-index? r${message.readId}, ${term}`;
    case 'readIndexResponse':
      return `read-index r${message.readId} at ${message.readIndex}, ${term}`;
    case 'readIndexRefused':
      return `read-refused r${message.readId}, ${term}`;
    default:
      return assertNever(message);
  }
}

export function messageName(message: RaftMessage): string {
  return messageText(message).split(' ')[0] ?? '';
}

function appendText(message: MessageOf<'appendRequest'>): string {
  const { term, entries, leaderCommit, confirmRound } = message;
  const rest = `commit ${leaderCommit}${roundText(confirmRound)}`;
  if (entries.length === 0) return `heartbeat term ${term}, after ${previousText(message)}, ${rest}`;
  return `append term ${term}, after ${previousText(message)}: ${rangesText(entries)}; ${rest}`;
}

function acceptedText({ term, matchIndex, confirmRound, wantsCommitNotice }: MessageOf<'appendAccepted'>): string {
  const notices = wantsCommitNotice ? '' : ', no commit notices wanted';
  return `accepted term ${term}, match ${matchIndex}${roundText(confirmRound)}${notices}`;
}

function rejectedText(message: MessageOf<'appendRejected'>): string {
  const { term, prevLogIndex, conflictTerm, conflictIndex, lastLogIndex, confirmRound } = message;
  const holds = conflictTerm === 0 ? '' : `holds term ${conflictTerm} there from ${conflictIndex} on, `;
  return `rejected term ${term}, at ${prevLogIndex}: ${holds}log ends at ${lastLogIndex}${roundText(confirmRound)}`;
}

function lastEntryText({ lastLogIndex, lastLogTerm }: MessageOf<'voteRequest' | 'preVoteRequest'>): string {
  return positionText({ index: lastLogIndex, term: lastLogTerm });
}

function previousText({ prevLogIndex, prevLogTerm }: MessageOf<'appendRequest' | 'commitNotice'>): string {
  return positionText({ index: prevLogIndex, term: prevLogTerm });
}

function answerText({ voteGranted }: { readonly voteGranted: boolean }): string {
  return voteGranted ? 'yes' : 'no';
}

function roundText(confirmRound: number): string {
  return confirmRound === 0 ? '' : `, round ${confirmRound}`;
}
