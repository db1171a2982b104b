import { assertNever, logIndex, term } from '@latchkey/raft';
import {
  MAX_KEPT_CLAIMS,
  MAX_REMEMBERED_CLAIMS,
  type ClaimMark,
  type FounderStore,
  type IdentityMessage,
  type StoreClaim,
  type StoreVerdict,
} from '@latchkey/replica';
import type { ByteReader } from './byte-reader.js';
import { maxNumberBytes, type ByteWriter } from './byte-writer.js';
import { CodecError } from './codec-error.js';
import { membershipByteLength, readMembership, readNode, writeMembership } from './membership-codec.js';

/** Longer names of stores are damage. */
const maxStoreIdBytes = 128;

/** More claims than a store remembers are damage. */
const maxClaims = MAX_REMEMBERED_CLAIMS + MAX_KEPT_CLAIMS;

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
const verdicts = [
  'welcome',
  'replaced',
  'behind',
  'notMember',
  'noVote',
  'unknown',
] as const satisfies readonly StoreVerdict[];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** At least what a message takes, after its first tag. */
export function maxIdentityMessageBytes(message: IdentityMessage): number {
  const { storeId } = message.type === 'storeClaim' ? message.claim : message;
  const claimCount = message.type === 'storeClaim' ? message.claim.claims.length : 0;
  const knownBytes = message.type === 'storeVerdict' ? maxKnownBytes(message) : (1 + 2 * claimCount) * maxNumberBytes;
  return 4 + 6 * maxNumberBytes + Buffer.byteLength(storeId) + knownBytes;
}

type StoreVerdictMessage = Extract<IdentityMessage, { readonly type: 'storeVerdict' }>;

function maxKnownBytes({ membership, founderStores }: StoreVerdictMessage): number {
  let byteLength = maxNumberBytes + membershipByteLength(membership);
  for (const { node, storeId } of founderStores) {
    byteLength += 1 + 4 * maxNumberBytes + node.length + Buffer.byteLength(storeId);
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
  writeClaimMarks(writer, claim);
  writer.writeBoolean(claim.takesPart);
  writer.writeBoolean(claim.isNew);
  writer.writeNumber(claim.term);
  writer.writeNumber(claim.lastIndex);
  writer.writeNumber(claim.keptIndex);
}

function readClaim(reader: ByteReader): StoreClaim {
  const store = readStore(reader);
  return {
    ...store,
    claims: readClaimMarks(reader, store.epoch),
    takesPart: reader.readBoolean(),
    isNew: reader.readBoolean(),
    term: term(reader.readNumber()),
    lastIndex: logIndex(reader.readNumber()),
    keptIndex: logIndex(reader.readNumber()),
  };
}

/** Epochs as their distance from the present one. */
function writeClaimMarks(writer: ByteWriter, { epoch: present, claims }: StoreClaim): void {
  writer.writeNumber(claims.length);
  for (const { epoch, mark } of claims) {
    writer.writeNumber(present - epoch);
    writer.writeNumber(mark);
  }
}

/** @throws CodecError unless they are in order, and end with the present one */
function readClaimMarks(reader: ByteReader, present: number): readonly ClaimMark[] {
  const count = reader.readNumber();
  if (count > maxClaims) throw new CodecError(`a store that remembers ${count} claims`);
  const claims: ClaimMark[] = [];
  for (let before = -1; claims.length < count;) {
    const epoch = present - reader.readNumber();
    if (epoch <= before) throw new CodecError('claims of a store are not in order');
    claims.push({ epoch, mark: reader.readNumber() });
    before = epoch;
  }
  if (claims.at(-1)?.epoch !== present) throw new CodecError('the present claim of a store is missing');
  return claims;
}

function writeFounderStores(writer: ByteWriter, stores: readonly FounderStore[]): void {
  writer.writeNumber(stores.length);
  for (const store of stores) {
    writer.writeAscii(store.node);
    writeStore(writer, store);
    writer.writeBoolean(store.mark !== null);
    if (store.mark !== null) writer.writeNumber(store.mark);
  }
}

function readFounderStores(reader: ByteReader): readonly FounderStore[] {
  const stores: FounderStore[] = [];
  for (let left = reader.readNumber(); left > 0; left -= 1)
    stores.push({ node: readNode(reader), ...readStore(reader), mark: readMark(reader) });
  return stores;
}

function readMark(reader: ByteReader): number | null {
  return reader.readBoolean() ? reader.readNumber() : null;
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
