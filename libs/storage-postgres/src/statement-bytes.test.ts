import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { Connection } from 'pg';
import { describe, expect, it } from 'vitest';
import { MAX_KEPT_BYTES, StatementBytes, type StatementValue } from './statement-bytes.js';

const NAME = 'latchkey-append';

/** What node-postgres itself sends for Bind, Execute and Sync. */
function sentByNodePostgres(name: string, values: StatementValue[]): Buffer {
  const stream = new PassThrough({ highWaterMark: 2 * MAX_KEPT_BYTES });
  const connection = new Connection({ stream: () => stream });
  connection.bind({ statement: name, values }, true);
  connection.execute(null, true);
  connection.sync();
  const sent: unknown = stream.read();
  if (!Buffer.isBuffer(sent)) throw new Error('nothing was sent');
  return sent;
}

const arbitraryValue: fc.Arbitrary<StatementValue> = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

describe('a statement on its way to the server', () => {
  it('is, byte for byte, what node-postgres would have sent', () => {
    const statement = new StatementBytes();
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme-ascii' }),
        fc.array(arbitraryValue, { maxLength: 20 }),
        (name, values) => {
          expect(statement.write(name, values).equals(sentByNodePostgres(name, values))).toBe(true);
        },
      ),
      { seed: 1, numRuns: 500 },
    );
  });

  it.each([1, 100_000, MAX_KEPT_BYTES, MAX_KEPT_BYTES + 1])('carries %i bytes, and a short one afterwards', (size) => {
    const statement = new StatementBytes();
    for (const value of [Buffer.alloc(size, 7), Buffer.of(1, 2, 3)]) {
      expect(statement.write(NAME, [value]).equals(sentByNodePostgres(NAME, [value]))).toBe(true);
    }
  });

  it('is written where the last one was', () => {
    const statement = new StatementBytes();
    const first = statement.write(NAME, [Buffer.alloc(100_000)]);
    const second = statement.write(NAME, [Buffer.alloc(100_000)]);
    expect(second.buffer).toBe(first.buffer);
  });

  it('keeps no place for one that is very long', () => {
    const statement = new StatementBytes();
    const usual = statement.write(NAME, ['a']);
    const long = statement.write(NAME, [Buffer.alloc(MAX_KEPT_BYTES)]);
    expect(long.buffer).not.toBe(usual.buffer);
    expect(statement.write(NAME, ['b']).buffer).toBe(usual.buffer);
  });
});
