import { nodeId, type Membership, type NodeId } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import { ByteCursor, varintByteLength, writeVarint } from './byte-cursor.js';

type Addresses = Readonly<Record<string, string>>;

/** Of the three sets of nodes. Whether addresses follow is for the place to say where the membership stands. */
export function membershipByteLength({ voters, votersOutgoing, learners, addresses }: Membership): number {
  const nodes = nodesByteLength(voters) + nodesByteLength(votersOutgoing) + nodesByteLength(learners);
  return nodes + (addresses === undefined ? 0 : addressesByteLength(addresses));
}

/** @returns the offset behind it */
export function writeMembership(bytes: Buffer, start: number, membership: Membership): number {
  let offset = start;
  for (const nodes of [membership.voters, membership.votersOutgoing, membership.learners]) {
    offset = writeVarint(bytes, offset, nodes.length);
    for (const node of nodes) offset = writeText(bytes, offset, node);
  }
  if (membership.addresses === undefined) return offset;
  const addresses = Object.entries(membership.addresses);
  offset = writeVarint(bytes, offset, addresses.length);
  for (const text of addresses.flat()) offset = writeText(bytes, offset, text);
  return offset;
}

/** @throws LogStoreError corrupt */
export function readMembership(cursor: ByteCursor, hasAddresses: boolean): Membership {
  const voters = readNodes(cursor);
  const votersOutgoing = readNodes(cursor);
  const membership = { voters, votersOutgoing, learners: readNodes(cursor) };
  return hasAddresses ? { ...membership, addresses: readAddresses(cursor) } : membership;
}

/** A membership on its own. */
export function encodeMembership(membership: Membership): Buffer {
  const bytes = Buffer.allocUnsafe(1 + membershipByteLength(membership));
  bytes[0] = membership.addresses === undefined ? 0 : 1;
  writeMembership(bytes, 1, membership);
  return bytes;
}

/** @throws LogStoreError corrupt when the bytes are not exactly one membership */
export function decodeMembership(bytes: Uint8Array): Membership {
  const cursor = new ByteCursor(bytes);
  const membership = readMembership(cursor, cursor.readByte() === 1);
  if (!cursor.isAtEnd) throw new LogStoreError('corrupt', 'bytes are left behind a membership');
  return membership;
}

function nodesByteLength(nodes: readonly NodeId[]): number {
  return nodes.reduce((sum, node) => sum + textByteLength(node), varintByteLength(nodes.length));
}

function addressesByteLength(addresses: Addresses): number {
  const entries = Object.entries(addresses);
  return entries.flat().reduce((sum, text) => sum + textByteLength(text), varintByteLength(entries.length));
}

function textByteLength(text: string): number {
  const byteLength = Buffer.byteLength(text);
  return varintByteLength(byteLength) + byteLength;
}

function writeText(bytes: Buffer, start: number, text: string): number {
  const offset = writeVarint(bytes, start, Buffer.byteLength(text));
  return offset + bytes.write(text, offset);
}

function readText(cursor: ByteCursor): string {
  return new TextDecoder().decode(cursor.readBytes(cursor.readVarint()));
}

function readNodes(cursor: ByteCursor): NodeId[] {
  const nodes: NodeId[] = [];
  for (let left = cursor.readVarint(); left > 0; left -= 1) nodes.push(nodeFrom(readText(cursor)));
  return nodes;
}

function readAddresses(cursor: ByteCursor): Addresses {
  const entries: [string, string][] = [];
  for (let left = cursor.readVarint(); left > 0; left -= 1) {
    const node = readText(cursor);
    entries.push([node, readText(cursor)]);
  }
  return Object.fromEntries(entries);
}

function nodeFrom(text: string): NodeId {
  try {
    return nodeId(text);
  } catch (cause) {
    // A bug of whoever makes a membership, but not of whoever reads a damaged one.
    throw new LogStoreError('corrupt', `${JSON.stringify(text)} is no node id`, { cause });
  }
}
