import { invariant } from '@latchkey/raft';
import { MAX_SNAPSHOT_CHUNK_BYTES } from '@latchkey/replica';

/** Bounds of the peer transport. Every one can be set; the defaults suit a cluster in one data centre. */
export type PeerTransportLimits = {
  /** One encoded message. Longer ones are dropped by the sender; a longer frame makes the receiver close the connection. */
  readonly maxMessageBytes: number;
  /** Messages of one turn travel in one frame up to this size; a longer message travels alone. */
  readonly coalescedFrameBytes: number;
  /** Bytes waiting for one peer that reads slowly; beyond that its messages are dropped. */
  readonly maxQueuedBytes: number;
  /** One encoded bulk message, such as a chunk of a snapshot with what describes it; otherwise as `maxMessageBytes`. */
  readonly maxBulkMessageBytes: number;
  /** Bulk bytes waiting for one peer; beyond that its bulk messages are dropped, and repeated by those who sent them. */
  readonly maxBulkQueuedBytes: number;
  /** A bulk connection that carried nothing for this long is closed. */
  readonly bulkIdleMs: number;
  /** Sockets on the peer listener, those that have not proved who they are included (SECURITY S12). */
  readonly maxConnections: number;
  /**
   * From the first byte of a connection to the end of its handshake, on both sides (SECURITY S11). Bulk messages wait as long
   * for their connection.
   */
  readonly handshakeTimeoutMs: number;
  /** A link that carries nothing is probed this often. */
  readonly pingIntervalMs: number;
  /** A probe that stays unanswered this long ends the connection (FAILURE-MODES 51). */
  readonly pingTimeoutMs: number;
  /** Redialling begins with this delay and doubles it; each delay is shortened at random by up to a half. */
  readonly redialDelayMinMs: number;
  readonly redialDelayMaxMs: number;
  /** After a refusal, which only a person can repair. */
  readonly redialDelayRefusedMs: number;
  /** `close` lets bytes that are already on their way leave for this long. */
  readonly closeGraceMs: number;
  /** The same warning is repeated at most this often. */
  readonly warningIntervalMs: number;
};

export const defaultPeerTransportLimits: PeerTransportLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  coalescedFrameBytes: 256 * 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
  maxBulkMessageBytes: MAX_SNAPSHOT_CHUNK_BYTES + 64 * 1024,
  maxBulkQueuedBytes: 4 * 1024 * 1024,
  bulkIdleMs: 30_000,
  maxConnections: 256,
  handshakeTimeoutMs: 2_000,
  pingIntervalMs: 1_000,
  pingTimeoutMs: 2_000,
  redialDelayMinMs: 50,
  redialDelayMaxMs: 500,
  redialDelayRefusedMs: 2_000,
  closeGraceMs: 200,
  warningIntervalMs: 10_000,
};

/** @throws InvariantViolation for limits that cannot work together */
export function peerTransportLimits(overrides: Partial<PeerTransportLimits>): PeerTransportLimits {
  const limits = { ...defaultPeerTransportLimits, ...overrides };
  for (const [name, value] of Object.entries(limits)) {
    invariant(Number.isSafeInteger(value) && value > 0, `peer transport limit ${name} is ${value}`);
  }
  invariant(limits.coalescedFrameBytes <= limits.maxMessageBytes, 'coalescedFrameBytes is above maxMessageBytes');
  invariant(limits.maxMessageBytes < limits.maxQueuedBytes, 'maxMessageBytes does not fit into maxQueuedBytes');
  invariant(
    limits.maxBulkMessageBytes < limits.maxBulkQueuedBytes,
    'maxBulkMessageBytes is not below maxBulkQueuedBytes',
  );
  return limits;
}
