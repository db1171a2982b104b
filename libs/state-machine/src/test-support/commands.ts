import type {
  Command,
  DeleteOperation,
  Operation,
  PutOperation,
  RangeOperation,
  TransactionOperation,
} from '../commands.js';
import { key, leaseId, revision, type LeaseId } from '../ids.js';
import { prefixRange, singleKey } from '../key-range.js';

/** Commands in the fewest words, for tests. */
export const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
export const text = (value: Uint8Array): string => String.fromCharCode(...value);
export const lease = (number: number): LeaseId => leaseId(number.toString(16).padStart(16, '0'));

type PutOptions = Partial<Omit<PutOperation, 'type' | 'key' | 'value' | 'expectedModRevision'>> & {
  readonly expected?: number;
};

export function put(keyText: string, value: string, { expected, ...options }: PutOptions = {}): PutOperation {
  return {
    type: 'put',
    key: key(keyText),
    value: bytes(value),
    leaseId: null,
    expectedModRevision: expected === undefined ? null : revision(expected),
    wantPrevious: false,
    keepValue: false,
    keepLease: false,
    ...options,
  };
}

export function del(keyText: string, options: { readonly expected?: number; readonly wantPrevious?: boolean } = {}) {
  const { expected, wantPrevious = false } = options;
  const expectedModRevision = expected === undefined ? null : revision(expected);
  return {
    type: 'delete',
    range: singleKey(key(keyText)),
    expectedModRevision,
    wantPrevious,
  } satisfies DeleteOperation;
}

export const delPrefix = (prefix: string): DeleteOperation => ({
  type: 'delete',
  range: prefixRange(prefix),
  expectedModRevision: null,
  wantPrevious: true,
});

export const readPrefix = (prefix: string, limit = 0): RangeOperation => ({
  type: 'range',
  range: prefixRange(prefix),
  limit,
  keysOnly: false,
});

export const txn = (
  comparisons: TransactionOperation['comparisons'],
  success: readonly Operation[],
  failure: readonly Operation[] = [],
): TransactionOperation => ({ type: 'transaction', comparisons, success, failure });

export const grant = (number: number, ttlMs = 10_000): Command => ({
  type: 'leaseGrant',
  leaseId: lease(number),
  ttlMs,
});
export const revoke = (number: number): Command => ({ type: 'leaseRevoke', leaseId: lease(number) });

export const enter = (
  name: string,
  number: number,
  options: { readonly wait?: boolean; readonly value?: string } = {},
) =>
  ({
    type: 'queueEnter',
    space: 'locks',
    name,
    leaseId: lease(number),
    wait: options.wait ?? true,
    value: bytes(options.value ?? ''),
  }) satisfies Command;

export const leave = (name: string, number: number, onlyIfWaiting = false): Command => ({
  type: 'queueLeave',
  space: 'locks',
  name,
  leaseId: lease(number),
  onlyIfWaiting,
});

export const evict = (name: string): Command => ({ type: 'queueEvict', space: 'locks', name });
export const compact = (at: number): Command => ({ type: 'compact', revision: revision(at) });
