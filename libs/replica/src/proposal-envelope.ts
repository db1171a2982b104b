import { InvariantViolation } from '@latchkey/raft';
import type { ByteSlab } from './byte-slab.js';

/**
 * The data of a command entry: a fixed header, then the command as given to `Replica.propose`. Big-endian.
 *
 *     tag u8 | incarnation u48 | sequence u48 | leaderTerm u48 | proposedAtMs u48 | command
 *
 * - `incarnation`, `sequence`: the origin, by which a node recognises its own proposals when they are applied. A
 *   sequence is never sent twice by its origin: a second attempt gets a new one.
 * - `leaderTerm`: the term whose leader the origin meant. No other leadership takes the proposal, so a copy that the
 *   network delays cannot be appended after the origin was told that nothing was done.
 * - `proposedAtMs`: wall clock of the leader, written in place when it appends.
 */
export const ENVELOPE_HEADER_BYTES = 25;

const ENVELOPE_TAG = 0x01;
const INCARNATION_OFFSET = 1;
const SEQUENCE_OFFSET = 7;
const LEADER_TERM_OFFSET = 13;
const PROPOSED_AT_OFFSET = 19;
const TWO_POW_32 = 2 ** 32;

/** Numbers of a header are below this. */
export const ENVELOPE_NUMBER_LIMIT = 2 ** 48;

/**
 * One copy of the command, made here; the leader's fields are still zero.
 * @param slab where the envelope gets its bytes
 */
export function sealProposal(
  origin: { readonly incarnation: number; readonly sequence: number },
  command: Uint8Array,
  slab: ByteSlab,
): Uint8Array {
  const envelope = slab.allocate(ENVELOPE_HEADER_BYTES + command.byteLength);
  envelope[0] = ENVELOPE_TAG;
  writeUint48(envelope, INCARNATION_OFFSET, origin.incarnation);
  writeUint48(envelope, SEQUENCE_OFFSET, origin.sequence);
  envelope.set(command, ENVELOPE_HEADER_BYTES);
  return envelope;
}

/** A copy under a new sequence: the first envelope may still be on its way and must not change. */
export function resealProposal(envelope: Uint8Array, sequence: number): Uint8Array {
  const copy = envelope.slice();
  writeUint48(copy, SEQUENCE_OFFSET, sequence);
  return copy;
}

export function stampLeaderTerm(envelope: Uint8Array, leaderTerm: number): void {
  writeUint48(envelope, LEADER_TERM_OFFSET, leaderTerm);
}

export function stampProposedAt(envelope: Uint8Array, wallTimeMs: number): void {
  writeUint48(envelope, PROPOSED_AT_OFFSET, Math.max(0, Math.floor(wallTimeMs)));
}

/** Whether bytes from a peer can be an envelope at all. */
export function isEnvelope(data: Uint8Array): boolean {
  return data.byteLength >= ENVELOPE_HEADER_BYTES && data[0] === ENVELOPE_TAG;
}

/** @throws InvariantViolation: something else than the replica wrote this entry. */
export function assertEnvelope(data: Uint8Array): void {
  if (isEnvelope(data)) return;
  throw new InvariantViolation(`a committed command entry is not a proposal envelope (${data.byteLength} bytes)`);
}

export const incarnationOf = (envelope: Uint8Array): number => readUint48(envelope, INCARNATION_OFFSET);
export const sequenceOf = (envelope: Uint8Array): number => readUint48(envelope, SEQUENCE_OFFSET);
export const leaderTermOf = (envelope: Uint8Array): number => readUint48(envelope, LEADER_TERM_OFFSET);
export const proposedAtMsOf = (envelope: Uint8Array): number => readUint48(envelope, PROPOSED_AT_OFFSET);

/** A view, not a copy. */
export const commandOf = (envelope: Uint8Array): Uint8Array => envelope.subarray(ENVELOPE_HEADER_BYTES);

function writeUint48(bytes: Uint8Array, offset: number, value: number): void {
  // Not by `invariant`: its message would be built for every number of every proposal.
  if (!Number.isInteger(value) || value < 0 || value >= ENVELOPE_NUMBER_LIMIT) {
    throw new InvariantViolation(`not a 48-bit number: ${value}`);
  }
  const high = Math.floor(value / TWO_POW_32);
  const low = value >>> 0;
  bytes[offset] = high >>> 8;
  bytes[offset + 1] = high;
  bytes[offset + 2] = low >>> 24;
  bytes[offset + 3] = low >>> 16;
  bytes[offset + 4] = low >>> 8;
  bytes[offset + 5] = low;
}

/** The caller has checked the length. */
function readUint48(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const low =
    ((bytes[offset + 2] ?? 0) << 24) |
    ((bytes[offset + 3] ?? 0) << 16) |
    ((bytes[offset + 4] ?? 0) << 8) |
    (bytes[offset + 5] ?? 0);
  return high * TWO_POW_32 + (low >>> 0);
}
