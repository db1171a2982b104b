import { emptyState, type ReplicatedState } from './apply-context.js';
import { BytePool } from './byte-pool.js';
import type { ByteSource } from './byte-source.js';
import { checkRows } from './corrupt-state-rows.js';
import type { KeyedCommand } from './idempotency-keys.js';
import { KeySpaceRestore } from './key-space-restore.js';
import { MAX_IDEMPOTENCY_KEY_LENGTH } from './limits.js';
import { decodeOutcome } from './outcome-decoder.js';
import { PartJoiner } from './row-parts.js';
import {
  decodeLeaseIdValue,
  decodeLeaseKey,
  decodeLeaseValue,
  decodeNumber,
  decodeNumberedKey,
  decodeNumberValue,
  decodeWhole,
  type AppliedPosition,
  type StateMeta,
} from './section-rows.js';
import { StateHash } from './state-hash.js';
import { SECTIONS, type StateRow } from './state-rows.js';
import { decodeVersionRow } from './version-rows.js';

const COMMAND_HASH_LENGTH = { minLength: 16, maxLength: 16 };
const IDEMPOTENCY_KEY_LENGTH = { minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_LENGTH };

/** Builds a state from the rows after the meta row, in the order of the sections. */
export class StateBuilder {
  readonly #meta: StateMeta;
  readonly #keys: KeySpaceRestore;
  readonly #state = emptyState();
  readonly #parts = new PartJoiner();
  readonly #values = new BytePool();

  /** @throws CorruptStateRows when the revisions in it do not fit together */
  constructor(meta: StateMeta) {
    this.#meta = meta;
    this.#keys = new KeySpaceRestore(meta);
  }

  /** Of the state that is being built. */
  get position(): AppliedPosition {
    return this.#meta.position;
  }

  /** @throws CorruptStateRows or MalformedCommandBatch */
  add(row: StateRow): void {
    const [section] = row.key;
    switch (section) {
      case SECTIONS.versions:
        return this.#keys.add(decodeVersionRow(row, this.#values));
      case SECTIONS.leases:
        return this.#addLease(row);
      case SECTIONS.endedLeases:
        return this.#addEndedLease(row);
      case SECTIONS.sessions:
        return this.#addSession(row);
      case SECTIONS.sessionOutcomes:
        return this.#addSessionOutcome(row);
      case SECTIONS.idempotencyKeys:
        return this.#addIdempotencyKey(row);
      default:
        return checkRows(false, `a row of the unknown section ${section ?? 'without a key'}`);
    }
  }

  /** @throws CorruptStateRows when rows are missing */
  finish(): ReplicatedState {
    this.#parts.finish();
    const keySpace = this.#keys.finish();
    this.#attachKeys();
    return { ...this.#state, keySpace, hash: new StateHash(this.#meta.hash) };
  }

  #addLease(row: StateRow): void {
    const { leases } = this.#state;
    const leaseId = decodeLeaseKey(row.key);
    const { ttlMs, remainingTtlMs } = decodeLeaseValue(row.value);
    leases.grant(leaseId, ttlMs);
    leases.setRemaining(leaseId, remainingTtlMs);
  }

  #addEndedLease(row: StateRow): void {
    const { leases } = this.#state;
    const number = decodeNumberedKey(row.key);
    const leaseId = decodeLeaseIdValue(row.value);
    checkRows(!leases.isTaken(leaseId), `ended lease ${leaseId} lives, or ended twice`);
    if (leases.endedCount === 0) leases.nextEndedNumber = number;
    checkRows(number === leases.nextEndedNumber, `ended lease ${number}, not ${leases.nextEndedNumber}`);
    leases.rememberEnded(leaseId);
  }

  #addSession(row: StateRow): void {
    const { leases, sessions } = this.#state;
    const leaseId = decodeLeaseKey(row.key);
    checkRows(leases.has(leaseId), `session ${leaseId} has no lease`);
    const isMore = sessions.acknowledge(leaseId, decodeNumberValue(row.value));
    checkRows(isMore, `session ${leaseId} acknowledged nothing`);
  }

  #addSessionOutcome(row: StateRow): void {
    const { leases, sessions } = this.#state;
    const whole = this.#parts.add(row);
    if (whole === null) return;
    const { leaseId, sequence } = decodeWhole(whole.prefix, decodeOutcomePrefix);
    checkRows(leases.has(leaseId), `session ${leaseId} has no lease`);
    checkRows(sessions.recall(leaseId, sequence) === null, `session ${leaseId} has acknowledged ${sequence}`);
    sessions.remember(leaseId, sequence, decodeWhole(whole.body, decodeOutcome));
  }

  #addIdempotencyKey(row: StateRow): void {
    const { idempotencyKeys } = this.#state;
    const whole = this.#parts.add(row);
    if (whole === null) return;
    const number = decodeWhole(whole.prefix, decodeNumber);
    const { idempotencyKey, ...command } = decodeWhole(whole.body, decodeKeyedCommand);
    checkRows(idempotencyKeys.recall(idempotencyKey) === null, `idempotency key ${number} is there twice`);
    if (idempotencyKeys.size === 0) idempotencyKeys.nextNumber = number;
    checkRows(number === idempotencyKeys.nextNumber, `idempotency key ${number}, not ${idempotencyKeys.nextNumber}`);
    idempotencyKeys.remember(idempotencyKey, command);
  }

  /**
   * Leases and queues follow from the keys. In a queue those stand first that were created first; and whoever holds is
   * the longest prefix that can hold together, since nobody ever enters in front of a holder.
   */
  #attachKeys(): void {
    const { leases, queues } = this.#state;
    for (const record of this.#keys.attachedRecords()) {
      const { key, leaseId, createRevision } = record;
      if (leaseId === null) continue;
      checkRows(leases.has(leaseId), `a key is attached to lease ${leaseId}, which does not live`);
      leases.attach(leaseId, key);
      const place = queues.placeOf(key, leaseId);
      const last = place === null ? null : (queues.queue(place.space, place.name)?.tail ?? null);
      const isBehind = last === null || last.record.createRevision < createRevision;
      checkRows(isBehind, `two keys of one queue were created at ${createRevision}`);
      queues.follow({ type: 'put', record, previous: null });
    }
    queues.settle();
  }
}

const decodeOutcomePrefix = (source: ByteSource) => {
  source.byte();
  return { leaseId: source.leaseId(), sequence: source.uint64() };
};

function decodeKeyedCommand(source: ByteSource): KeyedCommand {
  return {
    commandHash: source.text(COMMAND_HASH_LENGTH),
    idempotencyKey: source.text(IDEMPOTENCY_KEY_LENGTH),
    outcome: decodeOutcome(source),
  };
}
