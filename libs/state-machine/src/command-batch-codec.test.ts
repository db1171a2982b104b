import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedCommandBatch } from './byte-source.js';
import { decodeCommandBatch, encodeCommandBatch } from './command-batch-codec.js';
import type { Command, CommandBatch } from './commands.js';
import { prefixRange } from './key-range.js';
import { MAX_IDEMPOTENCY_KEY_LENGTH, MAX_KEY_BYTES } from './limits.js';
import { arbitraryBatch } from './test-support/arbitrary-batch.js';
import { bytes, grant, lease, put } from './test-support/commands.js';

const PROPERTY_RUNS = 300;
const ABSURD_DEPTH = 100_000;
/** Behaviour number, no origin, one command. */
const HEADER = [1, 0, 1];

const batchOf = (...commands: Command[]): CommandBatch => ({ origin: { type: 'none' }, commands });
const roundTrip = (batch: CommandBatch): CommandBatch => decodeCommandBatch(encodeCommandBatch(batch));
const decodeOrMalformed = (encoded: Uint8Array): CommandBatch | null => {
  try {
    return decodeCommandBatch(encoded);
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedCommandBatch);
    return null;
  }
};

describe('command batch codec', () => {
  it('reads back what it wrote, whatever the batch', () => {
    fc.assert(
      fc.property(arbitraryBatch, (batch) => {
        expect(roundTrip(batch)).toEqual(batch);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('takes random bytes for malformed, or for the one batch that is written with them', () => {
    const noise = fc.tuple(fc.constantFrom(HEADER, [1, 1], [1, 2], []), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(noise, ([header, tail]) => {
        const encoded = Uint8Array.from([...header, ...tail]);
        const batch = decodeOrMalformed(encoded);
        if (batch !== null) expect(encodeCommandBatch(batch)).toEqual(encoded);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('never confuses two batches: a changed byte makes another batch or none', () => {
    fc.assert(
      fc.property(arbitraryBatch, fc.nat(), fc.integer({ min: 1, max: 255 }), (batch, position, change) => {
        const encoded = encodeCommandBatch(batch);
        const index = position % encoded.length;
        encoded[index] = (encoded[index] ?? 0) ^ change;
        const changed = decodeOrMalformed(encoded);
        if (changed !== null) expect(encodeCommandBatch(changed)).toEqual(encoded);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('refuses a batch that is cut off anywhere, and one with a byte too many', () => {
    const encoded = encodeCommandBatch(batchOf(put('config/a', 'value', { leaseId: null, expected: 300 }), grant(7)));
    for (let length = 0; length < encoded.length; length += 1) {
      expect(() => decodeCommandBatch(encoded.subarray(0, length))).toThrow(MalformedCommandBatch);
    }
    expect(() => decodeCommandBatch(Uint8Array.from([...encoded, 0]))).toThrow('1 bytes too many');
  });

  it.each([
    ['an unknown behaviour number', [9, 0, 0], 'unknown behaviour number: 9'],
    ['an unknown origin', [1, 3, 0], 'unknown type of origin'],
    ['an unknown command', [...HEADER, 99], 'unknown type: 99'],
    ['a read as a command', [...HEADER, 2], 'a read is no command'],
    ['unknown flags', [...HEADER, 0, 32, 1, 97, 0], 'unknown flags: 32'],
    ['an empty key', [...HEADER, 0, 0, 0, 0], 'a text of 0 bytes'],
    ['a lease id of zeros', [...HEADER, 5, 0, 0, 0, 0, 0, 0, 0, 0], 'not a lease id'],
    ['a lease id above 63 bits', [...HEADER, 5, 255, 0, 0, 0, 0, 0, 0, 1], 'not a lease id'],
    ['a number in more bytes than it needs', [1, 0, 0x80, 0], 'shortest form'],
    ['a number above 2^53', [...HEADER, 12, 255, 255, 255, 255, 255, 255, 255, 127], 'shortest form'],
    ['a lease command inside a transaction', [...HEADER, 3, 0, 1, 5], 'leaseRevoke inside a transaction'],
    ['an unknown form of a range', [...HEADER, 1, 0, 3], 'unknown form of a range'],
    ['a single key in the form of a range', [...HEADER, 1, 0, 1, 1, 97, 2, 97, 0], 'in the form of a range'],
    ['minus zero', [...HEADER, 3, 1, 0, 1, 97, 0, 0, 1, 0], 'minus zero'],
  ])('refuses %s', (_name, encoded, message) => {
    expect(() => decodeCommandBatch(Uint8Array.from(encoded))).toThrow(message);
  });

  it('takes keys up to the limit and no longer ones, in puts, ranges, queues and idempotency keys', () => {
    const longest = 'k'.repeat(MAX_KEY_BYTES);
    const longestKey = 'i'.repeat(MAX_IDEMPOTENCY_KEY_LENGTH);
    expect(roundTrip(batchOf(put(longest, ''))).commands).toHaveLength(1);
    expect(() => roundTrip(batchOf(put(`${longest}k`, '')))).toThrow(MalformedCommandBatch);
    const tooLongRange = { ...prefixRange(''), start: `${longest}kk` };
    expect(() => roundTrip(batchOf({ ...put('a', ''), type: 'delete', range: tooLongRange }))).toThrow(
      MalformedCommandBatch,
    );
    expect(() => roundTrip(batchOf({ type: 'queueEvict', space: 'locks', name: '' }))).toThrow(MalformedCommandBatch);
    const keyed = (idempotencyKey: string) =>
      roundTrip({ origin: { type: 'idempotencyKey', idempotencyKey }, commands: [] });
    expect(keyed(longestKey).origin).toEqual({ type: 'idempotencyKey', idempotencyKey: longestKey });
    expect(() => keyed(`${longestKey}i`)).toThrow(MalformedCommandBatch);
  });

  it('gives up on transactions that are nested beyond all measure, instead of running out of stack', () => {
    // Type, no comparisons, one success operation: the next transaction.
    const nested = Array.from({ length: ABSURD_DEPTH }, () => [3, 0, 1]).flat();
    expect(() => decodeCommandBatch(Uint8Array.from([...HEADER, ...nested]))).toThrow('nested too deep');
  });

  it('copies values out of the entry, also when the entry is a Node Buffer', () => {
    const sizes = [1, 64, 65, 256, 512, 513, 5_000];
    const commands = sizes.map((size) => put(`k${size}`, 'v'.repeat(size)));
    const encoded = Buffer.from(encodeCommandBatch(batchOf(...commands)));
    const decoded = decodeCommandBatch(encoded);
    encoded.fill(0);
    expect(decoded.commands).toEqual(commands);
    for (const command of decoded.commands) {
      if (command.type !== 'put') continue;
      expect(command.value.constructor).toBe(Uint8Array);
      expect(command.value.buffer).not.toBe(encoded.buffer);
    }
  });

  it.each([
    ['a key that was not turned into bytes', batchOf(put('ключ', ''))],
    ['half a millisecond', batchOf(grant(1, 0.5))],
    ['a negative time', batchOf(grant(1, -1))],
    [
      'too few sequences',
      { origin: { type: 'session', leaseId: lease(1), acknowledgedThrough: 0, sequences: [] }, commands: [grant(1)] },
    ],
  ] satisfies [string, CommandBatch][])('takes %s for a bug of the caller', (_name, batch) => {
    expect(() => encodeCommandBatch(batch)).toThrow(expect.objectContaining({ name: 'InvariantViolation' }));
  });

  it('spends 14 bytes on a put beside its key and value, at most', () => {
    const overhead = encodeCommandBatch(batchOf(put('key', 'value'))).length - bytes('keyvalue').length;
    expect(overhead).toBeLessThanOrEqual(14);
  });
});
