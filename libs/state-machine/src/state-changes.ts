import type { ReplicatedState } from './apply-context.js';
import { BytePool } from './byte-pool.js';
import { encodeKeyedCommand, type IdempotencyKeyChanges } from './idempotency-keys.js';
import type { KeyVersion } from './key-history.js';
import type { LeaseChanges } from './leases.js';
import { encodeOutcome } from './outcome-encoder.js';
import { versionsIn } from './revision-log.js';
import { partKey, partRows } from './row-parts.js';
import {
  leaseIdValue,
  leaseKey,
  leaseValue,
  metaRow,
  numberedKey,
  numberValue,
  outcomePrefix,
  type AppliedPosition,
  type StateMeta,
} from './section-rows.js';
import type { SessionChanges } from './sessions.js';
import { SECTIONS, type StateChanges, type StateRowChange } from './state-rows.js';
import type { TakenVersions } from './version-changes.js';
import { versionKey, versionRow } from './version-rows.js';

export const MAX_PAGE_ROWS = 512;
/** A page ends with the row that reaches it, so it is longer than this by less than one row. */
export const MAX_PAGE_BYTES = 256 * 1024;

type CapturedChanges = {
  readonly meta: StateMeta;
  readonly leases: LeaseChanges;
  readonly versions: TakenVersions;
  readonly sessions: SessionChanges;
  readonly idempotencyKeys: IdempotencyKeyChanges;
};

/**
 * Everything that has changed in the state since the last call, as it is now: versions and outcomes never change, the
 * rest is copied here. Encoded when it is gone through.
 */
export function takeStateChanges(state: ReplicatedState, position: AppliedPosition): StateChanges {
  const { keySpace, leases, sessions, idempotencyKeys, hash } = state;
  const { revision, compactRevision } = keySpace;
  const captured: CapturedChanges = {
    meta: { position, revision, compactRevision, hash: hash.lanes },
    leases: leases.takeChanges(),
    versions: keySpace.takeChanges(),
    sessions: sessions.takeChanges(),
    idempotencyKeys: idempotencyKeys.takeChanges(),
  };
  return { [Symbol.iterator]: () => pagesOf(rowsOf(captured)) };
}

function* pagesOf(rows: Iterable<StateRowChange>): IterableIterator<readonly StateRowChange[]> {
  let page: StateRowChange[] = [];
  let bytes = 0;
  for (const row of rows) {
    page.push(row);
    bytes += row.key.length + (row.value?.length ?? 0);
    if (page.length < MAX_PAGE_ROWS && bytes < MAX_PAGE_BYTES) continue;
    yield page;
    page = [];
    bytes = 0;
  }
  if (page.length > 0) yield page;
}

function* rowsOf(changes: CapturedChanges): IterableIterator<StateRowChange> {
  yield metaRow(changes.meta);
  yield* leaseRows(changes.leases);
  yield* versionRows(changes.versions);
  yield* sessionRows(changes.sessions);
  yield* idempotencyRows(changes.idempotencyKeys);
}

function* leaseRows({ leases, ended, forgotten }: LeaseChanges): IterableIterator<StateRowChange> {
  for (const { leaseId, terms } of leases) {
    yield { key: leaseKey(SECTIONS.leases, leaseId), value: terms === null ? null : leaseValue(terms) };
  }
  for (const number of forgotten) yield gone(numberedKey(SECTIONS.endedLeases, number));
  for (const { number, element } of ended) {
    yield { key: numberedKey(SECTIONS.endedLeases, number), value: leaseIdValue(element) };
  }
}

/** New ones come in the order of their keys: so a store can put them behind one another. */
function* versionRows({ gone: freed, slots, compacted }: TakenVersions): IterableIterator<StateRowChange> {
  const pool = new BytePool();
  for (const version of freed) yield gone(versionKey(version));
  for (const versions of byRevision(compacted)) {
    for (const version of versions.sort(byKey)) yield versionRow({ version, position: 0 }, pool);
  }
  for (const slot of slots) {
    const placed = versionsIn(slot).map((version, position) => ({ version, position }));
    if (placed.length > 1) placed.sort((left, right) => byKey(left.version, right.version));
    for (const each of placed) yield versionRow(each, pool);
  }
}

/** Those of one revision at a time. */
function* byRevision(versions: readonly KeyVersion[]): IterableIterator<KeyVersion[]> {
  let ofOne: KeyVersion[] = [];
  for (const version of versions) {
    if (ofOne.length > 0 && ofOne[0]?.modRevision !== version.modRevision) {
      yield ofOne;
      ofOne = [];
    }
    ofOne.push(version);
  }
  if (ofOne.length > 0) yield ofOne;
}

const byKey = (left: KeyVersion, right: KeyVersion): number => (left.key < right.key ? -1 : 1);

function* sessionRows({ sessions, gone: forgotten, outcomes }: SessionChanges): IterableIterator<StateRowChange> {
  for (const { leaseId, acknowledgedThrough } of sessions) {
    const value = acknowledgedThrough === null ? null : numberValue(acknowledgedThrough);
    yield { key: leaseKey(SECTIONS.sessions, leaseId), value };
  }
  for (const { leaseId, sequence, fromPart, toPart } of forgotten) {
    const prefix = outcomePrefix(leaseId, sequence);
    for (let part = fromPart; part < toPart; part += 1) yield gone(partKey(prefix, part));
  }
  for (const { leaseId, sequence, outcome } of outcomes) {
    yield* partRows(outcomePrefix(leaseId, sequence), (sink) => encodeOutcome(sink, outcome));
  }
}

function* idempotencyRows(changes: IdempotencyKeyChanges): IterableIterator<StateRowChange> {
  for (const { number, parts } of changes.gone) {
    const prefix = numberedKey(SECTIONS.idempotencyKeys, number);
    for (let part = 0; part < parts; part += 1) yield gone(partKey(prefix, part));
  }
  for (const { number, ...command } of changes.remembered) {
    const prefix = numberedKey(SECTIONS.idempotencyKeys, number);
    yield* partRows(prefix, (sink) => encodeKeyedCommand(sink, command));
  }
}

const gone = (key: Uint8Array): StateRowChange => ({ key, value: null });
