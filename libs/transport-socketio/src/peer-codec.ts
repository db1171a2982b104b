/**
 * The bytes between peers, version 4.
 *
 *     frame   = version (1 byte), number of messages, message …
 *     message = tag (1 byte), fields in fixed order
 *
 * Numbers are LEB128, byte strings carry their length in front. A frame has no slack: a byte too many or too few anywhere
 * is a `CodecError`. Another layout gets another version, and peers agree on the version when they connect.
 */
import { assertNever, logIndex } from '@latchkey/raft';
import type { BulkMessage, PeerMessage } from '@latchkey/replica';
import { bulkTag, encodeBulkHead, isBulkMessage, readBulkMessage } from './bulk-message-codec.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter, maxNumberBytes } from './byte-writer.js';
import { CodecError } from './codec-error.js';
import { maxIdentityMessageBytes, readIdentityMessage, writeIdentityMessage } from './identity-message-codec.js';
import { encodeLogEntries } from './log-entries-codec.js';
import { membershipByteLength, readMembership, writeMembership } from './membership-codec.js';
import { encodeRaftHead, maxRaftTag, readRaftMessage } from './raft-message-codec.js';

export const frameVersion = 4;

/** Bytes that a frame adds to its messages. */
export const maxFrameHeadBytes = 1 + maxNumberBytes;

/** What is neither Raft's nor bulk. */
type RequestMessage = Exclude<PeerMessage, BulkMessage | { readonly type: 'raft' }>;

/** Numbers on the wire, above those of Raft's messages: never reuse one for another meaning. */
const peerTag = {
  forwardProposals: 32,
  proposalsRefused: 33,
  leaderRequest: 34,
  leaderResponse: 35,
  leaderRequestRefused: 36,
  membersWanted: 37,
  members: 38,
  identity: 39,
  stateHashWanted: 40,
  stateHash: 41,
} as const satisfies Record<RequestMessage['type'], number>;

/** Before a message of Raft: whose store it is. */
const storedTag = 42;

/** Longer hashes of a state are damage. */
const maxHashBytes = 64;

/** Their places are on the wire: append only. */
const refusalReasons = ['notLeader', 'overloaded', 'tooLarge', 'transferring'] as const;

export type EncodedMessage = {
  readonly head: Buffer;
  /** Follows the head; the same bytes may be part of another peer's message. */
  readonly tail: Buffer | null;
  readonly byteLength: number;
};

export function encodeMessage(message: PeerMessage): EncodedMessage {
  if (message.type !== 'raft')
    return isBulkMessage(message) ? encodeBulk(message) : withoutTail(encodeRequest(message));
  const head = encodeStored(message.storeTag, encodeRaftHead(message.message));
  if (message.message.type !== 'appendRequest') return withoutTail(head);
  const tail = encodeLogEntries(message.message.entries);
  return { head, tail, byteLength: head.length + tail.length };
}

/** With whose store it is in front, if that is said. */
function encodeStored(storeTag: number | undefined, head: Buffer): Buffer {
  if (storeTag === undefined) return head;
  const writer = new ByteWriter(1 + maxNumberBytes);
  writer.writeByte(storedTag);
  writer.writeNumber(storeTag);
  return Buffer.concat([writer.finish(), head]);
}

/** One frame of all these messages; the only copy that an entry's bytes see for each peer. */
export function assembleFrame(messages: readonly EncodedMessage[]): Buffer {
  const start = new ByteWriter(maxFrameHeadBytes);
  start.writeByte(frameVersion);
  start.writeNumber(messages.length);
  const parts: Buffer[] = [start.finish()];
  for (const message of messages) {
    parts.push(message.head);
    if (message.tail !== null) parts.push(message.tail);
  }
  return Buffer.concat(parts);
}

/**
 * Byte strings in the messages are views of `frame`, which must not change afterwards.
 * @throws CodecError when these are not exactly the bytes of one frame
 */
export function decodeFrame(frame: Uint8Array): PeerMessage[] {
  const reader = new ByteReader(frame);
  const version = reader.readByte();
  if (version !== frameVersion) throw new CodecError(`frame version ${version}, this node speaks ${frameVersion}`);
  const messages: PeerMessage[] = [];
  for (let left = reader.readNumber(); left > 0; left -= 1) messages.push(readMessage(reader));
  if (messages.length === 0) throw new CodecError('frame without a message');
  if (!reader.isAtEnd) throw new CodecError('bytes after the last message');
  return messages;
}

function withoutTail(head: Buffer): EncodedMessage {
  return { head, tail: null, byteLength: head.length };
}

function encodeBulk(message: BulkMessage): EncodedMessage {
  const head = encodeBulkHead(message);
  if (message.type !== 'snapshotChunk') return withoutTail(head);
  const { buffer, byteOffset, byteLength } = message.data;
  const tail = Buffer.from(buffer, byteOffset, byteLength);
  return { head, tail, byteLength: head.length + byteLength };
}

function encodeRequest(message: RequestMessage): Buffer {
  const writer = new ByteWriter(maxByteLength(message));
  writer.writeByte(peerTag[message.type]);
  switch (message.type) {
    case 'forwardProposals':
      writer.writeNumber(message.proposals.length);
      for (const proposal of message.proposals) writer.writeBytes(proposal);
      break;
    case 'proposalsRefused':
      writer.writeByte(refusalReasons.indexOf(message.reason));
      writer.writeNumber(message.sequences.length);
      for (const sequence of message.sequences) writer.writeNumber(sequence);
      break;
    case 'leaderRequest':
    case 'leaderResponse':
      writer.writeNumber(message.requestId);
      writer.writeBytes(message.body);
      break;
    case 'leaderRequestRefused':
      writer.writeNumber(message.requestId);
      break;
    case 'membersWanted':
      break;
    case 'members':
      writeMembership(writer, message.membership);
      break;
    case 'identity':
      writeIdentityMessage(writer, message.message);
      break;
    case 'stateHashWanted':
      writer.writeNumber(message.index);
      break;
    case 'stateHash':
      writer.writeNumber(message.index);
      writer.writeAscii(message.hash);
      break;
    default:
      assertNever(message);
  }
  return writer.finish();
}

/** At least what the message takes: a few bytes too many are cheaper than counting exactly. */
function maxByteLength(message: RequestMessage): number {
  switch (message.type) {
    case 'forwardProposals': {
      let byteLength = 1 + maxNumberBytes;
      for (const proposal of message.proposals) byteLength += maxNumberBytes + proposal.length;
      return byteLength;
    }
    case 'proposalsRefused':
      return 2 + maxNumberBytes * (1 + message.sequences.length);
    case 'leaderRequest':
    case 'leaderResponse':
      return 1 + 2 * maxNumberBytes + message.body.length;
    case 'leaderRequestRefused':
      return 1 + maxNumberBytes;
    case 'membersWanted':
      return 1;
    case 'members':
      return 1 + membershipByteLength(message.membership);
    case 'identity':
      return 1 + maxIdentityMessageBytes(message.message);
    case 'stateHashWanted':
      return 1 + maxNumberBytes;
    case 'stateHash':
      return 1 + 2 * maxNumberBytes + message.hash.length;
    default:
      return assertNever(message);
  }
}

function readMessage(reader: ByteReader): PeerMessage {
  const tag = reader.readByte();
  if (tag >= bulkTag.snapshotChunk) return readBulkMessage(tag, reader);
  if (tag <= maxRaftTag) return { type: 'raft', message: readRaftMessage(tag, reader) };
  switch (tag) {
    case peerTag.forwardProposals:
      return { type: 'forwardProposals', proposals: readList(reader, () => reader.readBytes()) };
    case peerTag.proposalsRefused: {
      const reason = refusalReasons[reader.readByte()];
      if (reason === undefined) throw new CodecError('unknown reason of a refusal');
      return { type: 'proposalsRefused', sequences: readList(reader, () => reader.readNumber()), reason };
    }
    case peerTag.leaderRequest:
      return { type: 'leaderRequest', requestId: reader.readNumber(), body: reader.readBytes() };
    case peerTag.leaderResponse:
      return { type: 'leaderResponse', requestId: reader.readNumber(), body: reader.readBytes() };
    case peerTag.leaderRequestRefused:
      return { type: 'leaderRequestRefused', requestId: reader.readNumber() };
    case peerTag.membersWanted:
      return { type: 'membersWanted' };
    case peerTag.members:
      return { type: 'members', membership: readMembership(reader) };
    case peerTag.identity:
      return { type: 'identity', message: readIdentityMessage(reader) };
    case storedTag: {
      const storeTag = reader.readNumber();
      return { type: 'raft', message: readRaftMessage(reader.readByte(), reader), storeTag };
    }
    case peerTag.stateHashWanted:
      return { type: 'stateHashWanted', index: logIndex(reader.readNumber()) };
    case peerTag.stateHash:
      return { type: 'stateHash', index: logIndex(reader.readNumber()), hash: readHash(reader) };
    default:
      throw new CodecError(`unknown message type ${tag}`);
  }
}

function readHash(reader: ByteReader): string {
  const bytes = reader.readBytes();
  if (bytes.length > maxHashBytes) throw new CodecError(`the hash of a state has ${bytes.length} bytes`);
  return Buffer.from(bytes).toString('latin1');
}

/** Every item takes a byte or more, so a wild count fails at the end of the frame. */
function readList<Item>(reader: ByteReader, readItem: () => Item): Item[] {
  const items: Item[] = [];
  for (let left = reader.readNumber(); left > 0; left -= 1) items.push(readItem());
  return items;
}
