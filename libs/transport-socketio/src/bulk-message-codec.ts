import { term } from '@latchkey/raft';
import type { BulkMessage, PeerMessage } from '@latchkey/replica';
import type { ByteReader } from './byte-reader.js';
import { ByteWriter, maxNumberBytes } from './byte-writer.js';
import { CodecError } from './codec-error.js';
import { maxSnapshotMetaBytes, readSnapshotMeta, writeSnapshotMeta } from './membership-codec.js';

type SnapshotChunk = Extract<BulkMessage, { readonly type: 'snapshotChunk' }>;
type SnapshotProgress = Extract<BulkMessage, { readonly type: 'snapshotProgress' }>;

/** Numbers on the wire, above those of the other messages: never reuse one for another meaning. */
export const bulkTag = { snapshotChunk: 48, snapshotProgress: 49 } as const satisfies Record<
  BulkMessage['type'],
  number
>;

/** Their places are on the wire: append only. */
const transferStates = ['receiving', 'complete', 'refused'] as const;

const maxChecksum = 0xffff_ffff;

/** Bulk messages have a connection of their own. */
export function isBulkMessage(message: PeerMessage): message is BulkMessage {
  return message.type === 'snapshotChunk' || message.type === 'snapshotProgress';
}

/** Everything but a chunk's data, which follows the head as it is; its length is the head's last field. */
export function encodeBulkHead(message: BulkMessage): Buffer {
  return message.type === 'snapshotChunk' ? encodeChunkHead(message) : encodeProgress(message);
}

/** @throws CodecError */
export function readBulkMessage(tag: number, reader: ByteReader): BulkMessage {
  switch (tag) {
    case bulkTag.snapshotChunk:
      return readChunk(reader);
    case bulkTag.snapshotProgress:
      return readProgress(reader);
    default:
      throw new CodecError(`unknown message type ${tag}`);
  }
}

function encodeChunkHead(message: SnapshotChunk): Buffer {
  const writer = new ByteWriter(2 + 5 * maxNumberBytes + maxSnapshotMetaBytes(message.snapshot));
  writer.writeByte(bulkTag.snapshotChunk);
  writer.writeNumber(message.transferId);
  writer.writeNumber(message.leaderTerm);
  writeSnapshotMeta(writer, message.snapshot);
  writer.writeNumber(message.sequence);
  writer.writeNumber(message.checksum);
  writer.writeBoolean(message.isLast);
  writer.writeNumber(message.data.length);
  return writer.finish();
}

// Properties are evaluated in the order they are written, which is the order on the wire.
function readChunk(reader: ByteReader): SnapshotChunk {
  return {
    type: 'snapshotChunk',
    transferId: reader.readNumber(),
    leaderTerm: term(reader.readNumber()),
    snapshot: readSnapshotMeta(reader),
    sequence: reader.readNumber(),
    checksum: readChecksum(reader),
    isLast: reader.readBoolean(),
    data: reader.readBytes(),
  };
}

function readChecksum(reader: ByteReader): number {
  const checksum = reader.readNumber();
  if (checksum > maxChecksum) throw new CodecError('checksum of more than 32 bits');
  return checksum;
}

function encodeProgress(message: SnapshotProgress): Buffer {
  const writer = new ByteWriter(2 + 2 * maxNumberBytes);
  writer.writeByte(bulkTag.snapshotProgress);
  writer.writeNumber(message.transferId);
  writer.writeNumber(message.nextSequence);
  writer.writeByte(transferStates.indexOf(message.state));
  return writer.finish();
}

function readProgress(reader: ByteReader): SnapshotProgress {
  const transferId = reader.readNumber();
  const nextSequence = reader.readNumber();
  const state = transferStates[reader.readByte()];
  if (state === undefined) throw new CodecError('unknown state of a transfer');
  return { type: 'snapshotProgress', transferId, nextSequence, state };
}
