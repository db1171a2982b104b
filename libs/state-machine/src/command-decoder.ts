import { MalformedCommandBatch, type ByteSource } from './byte-source.js';
import type { Command, Comparison, DeleteOperation, Operation, PutOperation, QueueSpace } from './commands.js';
import {
  COMMAND_TYPES,
  COMPARISON_RESULTS,
  COMPARISON_TARGETS,
  DELETE_FLAGS,
  MAX_DECODED_DEPTH,
  PUT_FLAGS,
  QUEUE_SPACES,
  RANGE_FORMS,
} from './command-wire.js';
import { key, revision } from './ids.js';
import { assertNever } from './invariant.js';
import { isSingleKey, singleKey, type KeyRange } from './key-range.js';
import { MAX_KEY_BYTES } from './limits.js';

const KEY_LENGTH = { minLength: 1, maxLength: MAX_KEY_BYTES };
/** The bound right after the longest key is one byte longer. */
const BOUND_LENGTH = { minLength: 0, maxLength: MAX_KEY_BYTES + 1 };
const ALL_PUT_FLAGS = 31;
const ALL_DELETE_FLAGS = 3;

/** Reads one command. @throws MalformedCommandBatch */
export function decodeCommand(source: ByteSource): Command {
  const type = oneOf(COMMAND_TYPES, source.byte());
  switch (type) {
    case 'put':
    case 'delete':
    case 'transaction':
      return decodeOperation(source, type, 1);
    case 'range':
      throw new MalformedCommandBatch('a read is no command');
    case 'leaseGrant':
      return { type, leaseId: source.leaseId(), ttlMs: source.varint() };
    case 'leaseRevoke':
    case 'leaseRenew':
      return { type, leaseId: source.leaseId() };
    case 'leaseExpire':
      return { type, leaseId: source.leaseId(), lessorTerm: source.varint() };
    case 'leaseCheckpoint':
      return { type, leaseId: source.leaseId(), remainingTtlMs: source.varint(), lessorTerm: source.varint() };
    case 'queueEnter':
      return {
        type,
        ...decodeQueue(source),
        leaseId: source.leaseId(),
        wait: decodeFlag(source),
        value: source.bytes(),
      };
    case 'queueLeave':
      return { type, ...decodeQueue(source), leaseId: source.leaseId(), onlyIfWaiting: decodeFlag(source) };
    case 'queueEvict':
      return { type, ...decodeQueue(source) };
    case 'compact':
      return { type, revision: revision(source.varint()) };
    default:
      return assertNever(type);
  }
}

function decodeOperation<Type extends Operation['type']>(
  source: ByteSource,
  type: Type,
  depth: number,
): Extract<Operation, { readonly type: Type }>;
function decodeOperation(source: ByteSource, type: Operation['type'], depth: number): Operation {
  switch (type) {
    case 'put':
      return decodePut(source);
    case 'delete':
      return decodeDelete(source);
    case 'range':
      return { type, range: decodeRange(source), limit: source.varint(), keysOnly: decodeFlag(source) };
    case 'transaction':
      if (depth > MAX_DECODED_DEPTH) throw new MalformedCommandBatch('transactions nested too deep');
      return {
        type,
        comparisons: decodeList(source, () => decodeComparison(source)),
        success: decodeList(source, () => decodeNested(source, depth + 1)),
        failure: decodeList(source, () => decodeNested(source, depth + 1)),
      };
    default:
      return assertNever(type);
  }
}

function decodeNested(source: ByteSource, depth: number): Operation {
  const type = oneOf(COMMAND_TYPES, source.byte());
  if (type === 'put' || type === 'delete' || type === 'range' || type === 'transaction') {
    return decodeOperation(source, type, depth);
  }
  throw new MalformedCommandBatch(`${type} inside a transaction`);
}

function decodePut(source: ByteSource): PutOperation {
  const flags = decodeFlags(source, ALL_PUT_FLAGS);
  return {
    type: 'put',
    key: key(source.text(KEY_LENGTH)),
    value: source.bytes(),
    leaseId: (flags & PUT_FLAGS.lease) === 0 ? null : source.leaseId(),
    expectedModRevision: (flags & PUT_FLAGS.expected) === 0 ? null : revision(source.varint()),
    wantPrevious: (flags & PUT_FLAGS.wantPrevious) !== 0,
    keepValue: (flags & PUT_FLAGS.keepValue) !== 0,
    keepLease: (flags & PUT_FLAGS.keepLease) !== 0,
  };
}

function decodeDelete(source: ByteSource): DeleteOperation {
  const flags = decodeFlags(source, ALL_DELETE_FLAGS);
  return {
    type: 'delete',
    range: decodeRange(source),
    expectedModRevision: (flags & DELETE_FLAGS.expected) === 0 ? null : revision(source.varint()),
    wantPrevious: (flags & DELETE_FLAGS.wantPrevious) !== 0,
  };
}

function decodeComparison(source: ByteSource): Comparison {
  const range = decodeRange(source);
  const result = oneOf(COMPARISON_RESULTS, source.byte());
  const target = oneOf(COMPARISON_TARGETS, source.byte());
  switch (target) {
    case 'version':
    case 'createRevision':
    case 'modRevision':
      return { range, result, target, operand: decodeSigned(source) };
    case 'value':
      return { range, result, target, operand: source.bytes() };
    case 'lease':
      return { range, result, target, operand: decodeFlag(source) ? source.leaseId() : null };
    default:
      return assertNever(target);
  }
}

function decodeSigned(source: ByteSource): number {
  const negative = decodeFlag(source);
  const magnitude = source.varint();
  if (negative && magnitude === 0) throw new MalformedCommandBatch('minus zero');
  return negative ? -magnitude : magnitude;
}

function decodeRange(source: ByteSource): KeyRange {
  const form = source.byte();
  if (form === RANGE_FORMS.singleKey) return singleKey(key(source.text(KEY_LENGTH)));
  if (form !== RANGE_FORMS.bounded && form !== RANGE_FORMS.unbounded) {
    throw new MalformedCommandBatch(`unknown form of a range: ${form}`);
  }
  const start = source.text(BOUND_LENGTH);
  const end = form === RANGE_FORMS.unbounded ? null : source.text(BOUND_LENGTH);
  const range = { start, end };
  if (start !== '' && isSingleKey(range)) throw new MalformedCommandBatch('a single key in the form of a range');
  return range;
}

const decodeQueue = (source: ByteSource): { readonly space: QueueSpace; readonly name: string } => ({
  space: oneOf(QUEUE_SPACES, source.byte()),
  name: source.text(KEY_LENGTH),
});

/** Grows by what is really there, so a length that lies costs nothing. */
function decodeList<Element>(source: ByteSource, decodeElement: () => Element): Element[] {
  const length = source.varint();
  const elements: Element[] = [];
  for (let index = 0; index < length; index += 1) elements.push(decodeElement());
  return elements;
}

function decodeFlags(source: ByteSource, all: number): number {
  const flags = source.byte();
  if (flags > all) throw new MalformedCommandBatch(`unknown flags: ${flags}`);
  return flags;
}

const decodeFlag = (source: ByteSource): boolean => decodeFlags(source, 1) === 1;

function oneOf<Name>(names: readonly Name[], index: number): Name {
  const name = names[index];
  if (name === undefined) throw new MalformedCommandBatch(`unknown type: ${index}`);
  return name;
}
