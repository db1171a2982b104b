import { assertNever, logIndex, term } from '@latchkey/raft';
import type { FounderStore, IdentityMessage, StoreClaim, StoreVerdict } from '@latchkey/replica';
import type { ByteReader } from './byte-reader.js';
import { maxNumberBytes, type ByteWriter } from './byte-writer.js';
import { CodecError } from './codec-error.js';
import { membershipByteLength, readMembership, readNode, writeMembership } from './membership-codec.js';

/** Longer names of stores are damage. */
const maxStoreIdBytes = 128;

/** Numbers on the wire after that of the message: never reuse one for another meaning. */
const identityTag = {
  storeClaim: 0,
  storeVerdict: 1,
  releaseWanted: 2,
  releaseAnswer: 3,
  voteWanted: 4,
  voteGiven: 5,
} as const satisfies Record<IdentityMessage['type'], number>;

/** Their places are on the wire: append only. */
const verdicts = ['welcome', 'replaced', 'behind', 'notMember', 'noVote'] as const satisfies readonly StoreVerdict[];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** At least what a message takes, after its first tag. */
export function maxIdentityMessageBytes(message: IdentityMessage): number {
  const { storeId } = message.type === 'storeClaim' ? message.claim : message;
  const knownBytes = message.type === 'storeVerdict' ? maxKnownBytes(message) : 0;
  return 4 + 6 * maxNumberBytes + Buffer.byteLength(storeId) + knownBytes;
}

type StoreVerdictMessage = Extract<IdentityMessage, { readonly type: 'storeVerdict' }>;

function maxKnownBytes({ membership, founderStores }: StoreVerdictMessage): number {
  let byteLength = maxNumberBytes + membershipByteLength(membership);
  for (const { node, storeId } of founderStores) {
    byteLength += 3 * maxNumberBytes + node.length + Buffer.byteLength(storeId);
  }
  return byteLength;
}

export function writeIdentityMessage(writer: ByteWriter, message: IdentityMessage): void {
  writer.writeByte(identityTag[message.type]);
  switch (message.type) {
    case 'storeClaim':
      writeClaim(writer, message.claim);
      writer.writeBoolean(message.wantsVerdict);
      return;
    case 'storeVerdict':
      writeStore(writer, message);
      writer.writeByte(verdicts.indexOf(message.verdict));
      writer.writeBoolean(message.hasFounded);
      writeMembership(writer, message.membership);
      writer.writeNumber(message.membershipIndex);
      writeFounderStores(writer, message.founderStores);
      return;
    case 'releaseWanted':
      writeStore(writer, message);
      writer.writeNumber(message.ticket);
      return;
    case 'releaseAnswer':
      writeStore(writer, message);
      writer.writeNumber(message.ticket);
      writer.writeBoolean(message.hadVote);
      writer.writeBoolean(message.isReleased);
      writer.writeNumber(message.membershipIndex);
      return;
    case 'voteWanted':
    case 'voteGiven':
      writeStoreId(writer, message.storeId);
      return;
    default:
      assertNever(message);
  }
}

// Properties are evaluated in the order they are written, which is the order on the wire.
/** @throws CodecError */
export function readIdentityMessage(reader: ByteReader): IdentityMessage {
  const tag = reader.readByte();
  switch (tag) {
    case identityTag.storeClaim:
      return { type: 'storeClaim', claim: readClaim(reader), wantsVerdict: reader.readBoolean() };
    case identityTag.storeVerdict:
      return {
        type: 'storeVerdict',
        ...readStore(reader),
        verdict: readVerdict(reader),
        hasFounded: reader.readBoolean(),
        membership: readMembership(reader),
        membershipIndex: logIndex(reader.readNumber()),
        founderStores: readFounderStores(reader),
      };
    case identityTag.releaseWanted:
      return { type: 'releaseWanted', ...readStore(reader), ticket: reader.readNumber() };
    case identityTag.releaseAnswer:
      return {
        type: 'releaseAnswer',
        ...readStore(reader),
        ticket: reader.readNumber(),
        hadVote: reader.readBoolean(),
        isReleased: reader.readBoolean(),
        membershipIndex: logIndex(reader.readNumber()),
      };
    case identityTag.voteWanted:
      return { type: 'voteWanted', storeId: readStoreId(reader) };
    case identityTag.voteGiven:
      return { type: 'voteGiven', storeId: readStoreId(reader) };
    default:
      throw new CodecError(`unknown message about stores ${tag}`);
  }
}

type StoreName = Pick<StoreClaim, 'storeId' | 'epoch'>;

function writeStore(writer: ByteWriter, { storeId, epoch }: StoreName): void {
  writeStoreId(writer, storeId);
  writer.writeNumber(epoch);
}

function readStore(reader: ByteReader): StoreName {
  return { storeId: readStoreId(reader), epoch: reader.readNumber() };
}

function writeClaim(writer: ByteWriter, claim: StoreClaim): void {
  writeStore(writer, claim);
  writer.writeBoolean(claim.isNew);
  writer.writeNumber(claim.term);
  writer.writeNumber(claim.lastIndex);
  writer.writeNumber(claim.keptIndex);
}

function readClaim(reader: ByteReader): StoreClaim {
  return {
    ...readStore(reader),
    isNew: reader.readBoolean(),
    term: term(reader.readNumber()),
    lastIndex: logIndex(reader.readNumber()),
    keptIndex: logIndex(reader.readNumber()),
  };
}

function writeFounderStores(writer: ByteWriter, stores: readonly FounderStore[]): void {
  writer.writeNumber(stores.length);
  for (const store of stores) {
    writer.writeAscii(store.node);
    writeStore(writer, store);
  }
}

function readFounderStores(reader: ByteReader): readonly FounderStore[] {
  const stores: FounderStore[] = [];
  for (let left = reader.readNumber(); left > 0; left -= 1)
    stores.push({ node: readNode(reader), ...readStore(reader) });
  return stores;
}

function readVerdict(reader: ByteReader): StoreVerdict {
  const verdict = verdicts[reader.readByte()];
  if (verdict === undefined) throw new CodecError('unknown verdict about a store');
  return verdict;
}

function writeStoreId(writer: ByteWriter, storeId: string): void {
  writer.writeBytes(Buffer.from(storeId));
}

function readStoreId(reader: ByteReader): string {
  const bytes = reader.readBytes();
  if (bytes.length > maxStoreIdBytes) throw new CodecError(`the name of a store has ${bytes.length} bytes`);
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new CodecError('the name of a store is not text', { cause });
  }
}
