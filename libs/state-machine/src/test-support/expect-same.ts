import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { StoredRecord } from '../stored-record.js';

/** Quick for what is equal, and with a difference to read for what is not. Records are compared as they can be read. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const [left, right] = [withPlainRecords(actual), withPlainRecords(expected)];
  if (!isDeepStrictEqual(left, right)) expect(left).toEqual(right);
}

/** How the store keeps a value depends on what the node has been through. */
export function withPlainRecords<Readable>(of: Readable): Readable {
  return plain(of) as Readable; // as seen from outside
}

function plain(of: unknown): unknown {
  if (of instanceof StoredRecord) {
    const { key, value, createRevision, modRevision, version, leaseId, updatedAtMs } = of;
    return { key, value, createRevision, modRevision, version, leaseId, updatedAtMs };
  }
  if (Array.isArray(of)) return of.map(plain);
  if (typeof of !== 'object' || of === null || Object.getPrototypeOf(of) !== Object.prototype) return of;
  return Object.fromEntries(Object.entries(of).map(([name, each]) => [name, plain(each)]));
}
