import type { LogPosition, Membership, NodeId, SnapshotMeta } from '@latchkey/raft';
import { logIndex, nodeId, term } from '@latchkey/raft';
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { maxNumberBytes, numberByteLength } from './byte-writer.js';
import { CodecError } from './codec-error.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Exactly what `writeMembership` will use. */
export function membershipByteLength(membership: Membership): number {
  const { voters, votersOutgoing, learners, addresses } = membership;
  const nodes = nodesByteLength(voters) + nodesByteLength(votersOutgoing) + nodesByteLength(learners);
  return nodes + 1 + (addresses === undefined ? 0 : addressesByteLength(addresses));
}

export function writeMembership(writer: ByteWriter, membership: Membership): void {
  writeNodes(writer, membership.voters);
  writeNodes(writer, membership.votersOutgoing);
  writeNodes(writer, membership.learners);
  const { addresses } = membership;
  writer.writeBoolean(addresses !== undefined);
  if (addresses === undefined) return;
  const pairs = Object.entries(addresses);
  writer.writeNumber(pairs.length);
  for (const [node, address] of pairs) {
    writer.writeAscii(node);
    writer.writeBytes(Buffer.from(address));
  }
}

/** @throws CodecError */
export function readMembership(reader: ByteReader): Membership {
  const voters = readNodes(reader);
  const votersOutgoing = readNodes(reader);
  const learners = readNodes(reader);
  if (!reader.readBoolean()) return { voters, votersOutgoing, learners };
  return { voters, votersOutgoing, learners, addresses: readAddresses(reader) };
}

/** At least what `writeSnapshotMeta` takes. */
export function maxSnapshotMetaBytes(snapshot: SnapshotMeta): number {
  return 2 * maxNumberBytes + membershipByteLength(snapshot.membership);
}

export function writeSnapshotMeta(writer: ByteWriter, snapshot: SnapshotMeta): void {
  writer.writeNumber(snapshot.index);
  writer.writeNumber(snapshot.term);
  writeMembership(writer, snapshot.membership);
}

/** @throws CodecError */
export function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const position: LogPosition = { index: logIndex(reader.readNumber()), term: term(reader.readNumber()) };
  return { ...position, membership: readMembership(reader) };
}

function nodesByteLength(nodes: readonly NodeId[]): number {
  let byteLength = numberByteLength(nodes.length);
  for (const node of nodes) byteLength += numberByteLength(node.length) + node.length;
  return byteLength;
}

function addressesByteLength(addresses: Readonly<Record<string, string>>): number {
  const pairs = Object.entries(addresses);
  let byteLength = numberByteLength(pairs.length);
  for (const [node, address] of pairs) {
    const addressBytes = Buffer.byteLength(address);
    byteLength += numberByteLength(node.length) + node.length + numberByteLength(addressBytes) + addressBytes;
  }
  return byteLength;
}

function writeNodes(writer: ByteWriter, nodes: readonly NodeId[]): void {
  writer.writeNumber(nodes.length);
  for (const node of nodes) writer.writeAscii(node);
}

function readNodes(reader: ByteReader): NodeId[] {
  const nodes: NodeId[] = [];
  for (let left = reader.readNumber(); left > 0; left -= 1) nodes.push(readNode(reader));
  return nodes;
}

function readAddresses(reader: ByteReader): Record<string, string> {
  const addresses = new Map<string, string>();
  for (let left = reader.readNumber(); left > 0; left -= 1) {
    const node = readNode(reader);
    if (addresses.has(node)) throw new CodecError(`two addresses of ${node}`);
    addresses.set(node, readText(reader));
  }
  // Makes own properties of them all, whatever their names: a node may be called __proto__ (SECURITY S16).
  return Object.fromEntries(addresses);
}

/** @throws CodecError */
export function readNode(reader: ByteReader): NodeId {
  const text = Buffer.from(reader.readBytes()).toString('latin1');
  try {
    return nodeId(text);
  } catch (cause) {
    // For a received byte string this is no bug of ours.
    throw new CodecError('not a node id', { cause });
  }
}

function readText(reader: ByteReader): string {
  const bytes = reader.readBytes();
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new CodecError('text is not UTF-8', { cause });
  }
}
