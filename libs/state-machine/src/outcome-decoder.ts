import { MalformedCommandBatch, type ByteSource } from './byte-source.js';
import { key, revision, type Revision } from './ids.js';
import { assertNever } from './invariant.js';
import type { KeyRecord } from './key-record.js';
import { MAX_KEY_BYTES, MAX_TRANSACTION_DEPTH } from './limits.js';
import { OUTCOME_TYPES, REFUSAL_CODES } from './outcome-wire.js';
import type { OperationOutcome, Outcome, QueueHolder } from './outcomes.js';

type AnyOutcome = Outcome | OperationOutcome;

const KEY_LENGTH = { minLength: 1, maxLength: MAX_KEY_BYTES };
const TYPES_BY_NUMBER = namesByNumber(OUTCOME_TYPES);
const CODES_BY_NUMBER = namesByNumber(REFUSAL_CODES);

/** Reads what `encodeOutcome` wrote for a command. @throws MalformedCommandBatch */
export function decodeOutcome(source: ByteSource): Outcome {
  const outcome = decodeAny(source, 1);
  if (outcome.type === 'range') throw new MalformedCommandBatch('a read is no outcome of a command');
  return outcome;
}

function decodeAny(source: ByteSource, depth: number): AnyOutcome {
  const type = oneOf(TYPES_BY_NUMBER, source.byte());
  if (type === 'refused') {
    return { type, code: oneOf(CODES_BY_NUMBER, source.byte()), revisionDetail: decodeRevisionOrNone(source) };
  }
  const at = revision(source.varint());
  switch (type) {
    case 'put':
      return { type, revision: at, previous: decodeFlag(source) ? decodeRecord(source) : null };
    case 'deleted':
      return { type, revision: at, deletedCount: source.varint(), previous: decodeList(source, decodeRecord) };
    case 'range': {
      const records = decodeList(source, decodeRecord);
      return { type, revision: at, records, count: source.varint(), more: decodeFlag(source) };
    }
    case 'transaction': {
      const succeeded = decodeFlag(source);
      const responses = decodeList(source, () => decodeResponse(source, depth + 1));
      return { type, revision: at, succeeded, responses };
    }
    default:
      return decodeOther(source, type, at);
  }
}

type OtherType = Exclude<AnyOutcome['type'], OperationOutcome['type'] | 'refused'>;

/** Outcomes of leases, queues and compaction. */
function decodeOther(source: ByteSource, type: OtherType, at: Revision): Outcome {
  switch (type) {
    case 'leaseGranted':
      return { type, revision: at, leaseId: source.leaseId(), ttlMs: source.varint() };
    case 'leaseEnded':
      return { type, revision: at, leaseId: source.leaseId(), deletedCount: source.varint() };
    case 'leaseUpdated':
      return { type, revision: at, changed: decodeFlag(source) };
    case 'acquired':
      return { type, revision: at, fencingToken: revision(source.varint()) };
    case 'queued':
      return { type, revision: at, createRevision: revision(source.varint()), position: source.varint() };
    case 'held':
      return { type, revision: at, holder: decodeHolder(source) };
    case 'queueLeft':
      return { type, revision: at, left: decodeFlag(source), fencingToken: decodeRevisionOrNone(source) };
    case 'evicted':
      return { type, revision: at, holder: decodeFlag(source) ? decodeHolder(source) : null };
    case 'compacted':
      return { type, revision: at, compactRevision: revision(source.varint()) };
    default:
      return assertNever(type);
  }
}

function decodeResponse(source: ByteSource, depth: number): OperationOutcome {
  if (depth > MAX_TRANSACTION_DEPTH + 1) throw new MalformedCommandBatch('transactions nested too deep');
  const outcome = decodeAny(source, depth);
  const { type } = outcome;
  if (type === 'put' || type === 'deleted' || type === 'range' || type === 'transaction') return outcome;
  throw new MalformedCommandBatch(`${type} inside a transaction`);
}

function decodeHolder(source: ByteSource): QueueHolder {
  const leaseId = source.leaseId();
  const record = decodeRecord(source);
  return { key: record.key, leaseId, record };
}

function decodeRecord(source: ByteSource): KeyRecord {
  return {
    key: key(source.text(KEY_LENGTH)),
    value: source.bytes(),
    createRevision: revision(source.varint()),
    modRevision: revision(source.varint()),
    version: source.varint(),
    leaseId: decodeFlag(source) ? source.leaseId() : null,
    updatedAtMs: source.varint(),
  };
}

function decodeRevisionOrNone(source: ByteSource): Revision | null {
  return decodeFlag(source) ? revision(source.varint()) : null;
}

/** Grows by what is really there, so a length that lies costs nothing. */
function decodeList<Element>(source: ByteSource, decodeElement: (source: ByteSource) => Element): Element[] {
  const length = source.varint();
  const elements: Element[] = [];
  for (let index = 0; index < length; index += 1) elements.push(decodeElement(source));
  return elements;
}

function decodeFlag(source: ByteSource): boolean {
  const flag = source.byte();
  if (flag > 1) throw new MalformedCommandBatch(`neither yes nor no: ${flag}`);
  return flag === 1;
}

function oneOf<Name>(names: ReadonlyMap<number, Name>, number: number): Name {
  const name = names.get(number);
  if (name === undefined) throw new MalformedCommandBatch(`unknown number: ${number}`);
  return name;
}

function namesByNumber<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  const names = new Map<number, Name>();
  for (const name in numbers) names.set(numbers[name], name);
  return names;
}
