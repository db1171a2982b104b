import type { RaftMessage, Term } from '@latchkey/raft';
import { assertNever, logIndex, readId, term } from '@latchkey/raft';
import type { ByteReader } from './byte-reader.js';
import { ByteWriter, maxNumberBytes } from './byte-writer.js';
import { CodecError } from './codec-error.js';
import { readLogEntries } from './log-entries-codec.js';

/** Numbers on the wire: never reuse one for another meaning. */
const raftTag = {
  preVoteRequest: 1,
  preVoteResponse: 2,
  voteRequest: 3,
  voteResponse: 4,
  appendRequest: 5,
  appendAccepted: 6,
  appendRejected: 7,
  readIndexRequest: 8,
  readIndexResponse: 9,
  readIndexRefused: 10,
  commitNotice: 11,
  timeoutNow: 12,
  removedNotice: 13,
} as const satisfies Record<RaftMessage['type'], number>;

/** The highest tag that `readRaftMessage` may be asked for; tags of other messages start above it. */
export const maxRaftTag = 31;

/** The longest is `appendRejected`: a tag and seven numbers. */
const maxHeadBytes = 1 + 7 * maxNumberBytes;

/** Everything but an append's entries, which follow the head and are encoded by `encodeLogEntries`. */
export function encodeRaftHead(message: RaftMessage): Buffer {
  const writer = new ByteWriter(maxHeadBytes);
  writer.writeByte(raftTag[message.type]);
  writer.writeNumber(message.term);
  writeRest(writer, message);
  return writer.finish();
}

function writeRest(writer: ByteWriter, message: RaftMessage): void {
  switch (message.type) {
    case 'preVoteRequest':
      writeNumbers(writer, message.lastLogIndex, message.lastLogTerm);
      return;
    case 'preVoteResponse':
      writer.writeNumber(message.requestTerm);
      writer.writeBoolean(message.voteGranted);
      return;
    case 'voteRequest':
      writeNumbers(writer, message.lastLogIndex, message.lastLogTerm);
      writer.writeBoolean(message.leadershipTransfer);
      return;
    case 'voteResponse':
      writer.writeBoolean(message.voteGranted);
      return;
    case 'appendRequest':
      writeNumbers(writer, message.prevLogIndex, message.prevLogTerm, message.leaderCommit, message.confirmRound);
      return;
    case 'commitNotice':
      writeNumbers(writer, message.prevLogIndex, message.prevLogTerm, message.leaderCommit);
      return;
    case 'appendAccepted':
      writeNumbers(writer, message.matchIndex, message.confirmRound);
      writer.writeBoolean(message.wantsCommitNotice);
      return;
    case 'appendRejected':
      writeNumbers(writer, message.prevLogIndex, message.conflictTerm, message.conflictIndex);
      writeNumbers(writer, message.lastLogIndex, message.confirmRound);
      return;
    case 'readIndexResponse':
      writeNumbers(writer, message.readId, message.readIndex);
      return;
    case 'readIndexRequest':
    case 'readIndexRefused':
      writer.writeNumber(message.readId);
      return;
    case 'timeoutNow':
      return;
    case 'removedNotice':
      writer.writeNumber(message.membershipIndex);
      return;
    default:
      assertNever(message);
  }
}

function writeNumbers(writer: ByteWriter, ...values: readonly number[]): void {
  for (const value of values) writer.writeNumber(value);
}

/** @throws CodecError */
export function readRaftMessage(tag: number, reader: ByteReader): RaftMessage {
  const messageTerm = term(reader.readNumber());
  return (
    readAppendMessage(tag, messageTerm, reader) ??
    readReadIndexMessage(tag, messageTerm, reader) ??
    readElectionMessage(tag, messageTerm, reader)
  );
}

// In all of these, properties are evaluated in the order they are written, which is the order on the wire.

function readAppendMessage(tag: number, messageTerm: Term, reader: ByteReader): RaftMessage | null {
  const index = () => logIndex(reader.readNumber());
  switch (tag) {
    case raftTag.appendRequest:
      return {
        type: 'appendRequest',
        term: messageTerm,
        prevLogIndex: index(),
        prevLogTerm: term(reader.readNumber()),
        leaderCommit: index(),
        confirmRound: reader.readNumber(),
        entries: readLogEntries(reader),
      };
    case raftTag.commitNotice:
      return {
        type: 'commitNotice',
        term: messageTerm,
        prevLogIndex: index(),
        prevLogTerm: term(reader.readNumber()),
        leaderCommit: index(),
      };
    case raftTag.appendAccepted:
      return {
        type: 'appendAccepted',
        term: messageTerm,
        matchIndex: index(),
        confirmRound: reader.readNumber(),
        wantsCommitNotice: reader.readBoolean(),
      };
    case raftTag.appendRejected:
      return {
        type: 'appendRejected',
        term: messageTerm,
        prevLogIndex: index(),
        conflictTerm: term(reader.readNumber()),
        conflictIndex: index(),
        lastLogIndex: index(),
        confirmRound: reader.readNumber(),
      };
    default:
      return null;
  }
}

function readReadIndexMessage(tag: number, messageTerm: Term, reader: ByteReader): RaftMessage | null {
  switch (tag) {
    case raftTag.readIndexRequest:
      return { type: 'readIndexRequest', term: messageTerm, readId: readId(reader.readNumber()) };
    case raftTag.readIndexResponse:
      return {
        type: 'readIndexResponse',
        term: messageTerm,
        readId: readId(reader.readNumber()),
        readIndex: logIndex(reader.readNumber()),
      };
    case raftTag.readIndexRefused:
      return { type: 'readIndexRefused', term: messageTerm, readId: readId(reader.readNumber()) };
    default:
      return null;
  }
}

function readElectionMessage(tag: number, messageTerm: Term, reader: ByteReader): RaftMessage {
  const index = () => logIndex(reader.readNumber());
  switch (tag) {
    case raftTag.preVoteRequest:
      return {
        type: 'preVoteRequest',
        term: messageTerm,
        lastLogIndex: index(),
        lastLogTerm: term(reader.readNumber()),
      };
    case raftTag.preVoteResponse:
      return {
        type: 'preVoteResponse',
        term: messageTerm,
        requestTerm: term(reader.readNumber()),
        voteGranted: reader.readBoolean(),
      };
    case raftTag.voteRequest:
      return {
        type: 'voteRequest',
        term: messageTerm,
        lastLogIndex: index(),
        lastLogTerm: term(reader.readNumber()),
        leadershipTransfer: reader.readBoolean(),
      };
    case raftTag.voteResponse:
      return { type: 'voteResponse', term: messageTerm, voteGranted: reader.readBoolean() };
    case raftTag.timeoutNow:
      return { type: 'timeoutNow', term: messageTerm };
    case raftTag.removedNotice:
      return { type: 'removedNotice', term: messageTerm, membershipIndex: index() };
    default:
      throw new CodecError(`unknown message type ${tag}`);
  }
}
