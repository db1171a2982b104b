import { emptyState, type ReplicatedState } from './apply-context.js';
import type { ByteSource } from './byte-source.js';
import { checkRows } from './corrupt-state-rows.js';
import type { KeyedCommand } from './idempotency-keys.js';
import type { KeySpace } from './key-space.js';
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

/** Take a millisecond or two. */
const ATTACHED_PER_STEP = 2_048;
const COMMAND_HASH_LENGTH = { minLength: 16, maxLength: 16 };
const IDEMPOTENCY_KEY_LENGTH = { minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_LENGTH };

/** Builds a state from the rows after the meta row, in the order of the sections. */
export class StateBuilder {
  readonly #meta: StateMeta;
  readonly #keys: KeySpaceRestore;
  readonly #state = emptyState();
  readonly #parts = new PartJoiner();

  /**
   * @param present see `KeySpaceRestore`
   * @throws CorruptStateRows when the revisions in it do not fit together
   */
  constructor(meta: StateMeta, present: KeySpace) {
    this.#meta = meta;
    this.#keys = new KeySpaceRestore(meta, present);
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
        return this.#keys.add(decodeVersionRow(row));
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

  /** All that was added so far has rows that were given out. To be called now and then, so that little is noted down. */
  settle(): void {
    const { leases, sessions, idempotencyKeys } = this.#state;
    leases.takeChanges();
    sessions.takeChanges();
    idempotencyKeys.takeChanges();
  }

  /**
   * What is left to do when all rows are there, step by step.
   * @throws CorruptStateRows when rows are missing
   */
  *finish(): Generator<undefined, ReplicatedState> {
    this.#parts.finish();
    const keySpace = yield* this.#keys.finish();
    yield* this.#attachKeys(keySpace);
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

  /** Leases and queues follow from the keys. */
  *#attachKeys(keySpace: KeySpace): Generator<undefined, void> {
    const { leases, queues } = this.#state;
    for (const [index, key] of this.#keys.attached.entries()) {
      if (index % ATTACHED_PER_STEP === ATTACHED_PER_STEP - 1) yield;
      const record = keySpace.get(key);
      if (record === null || record.leaseId === null) continue;
      checkRows(leases.has(record.leaseId), `a key is attached to lease ${record.leaseId}, which does not live`);
      leases.attach(record.leaseId, record.key);
      queues.enterRestored(record, record.leaseId);
    }
    yield* queues.settleRestored();
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
