import { describe, expect, it } from 'vitest';
import { logIndex, term, type LogEntry } from '@latchkey/raft';
import { EMPTY_LOG, entriesOf, MAX_ROW_BYTES, rowsOf, type LogRow } from './log-row.js';

const DATA_BYTES = 1_000;
const MANY = 1_000;

function commands(count: number, byteCount = DATA_BYTES): LogEntry[] {
  return Array.from({ length: count }, (_, position) => ({
    type: 'command',
    index: logIndex(position + 1),
    term: term(1 + Math.floor(position / 100)),
    data: new Uint8Array(byteCount).fill(position % 256),
  }));
}

function onlyRow(entries: readonly LogEntry[]): LogRow {
  const [row, ...others] = rowsOf(entries, EMPTY_LOG);
  if (row === undefined || others.length > 0) throw new Error('not one row');
  return row;
}

describe('log rows', () => {
  it('hold a batch in one row', () => {
    const row = onlyRow(commands(200, 300));
    expect(row).toMatchObject({ firstIndex: 1, lastIndex: 200, firstTerm: 1, lastTerm: 2, previousChecksum: 0 });
    expect(entriesOf(row)).toHaveLength(200);
  });

  it('split a batch that is too large for one, in order, chained, and with nothing lost', () => {
    const entries = commands(MANY);
    const rows = rowsOf(entries, { lastIndex: 0, checksum: 4_000_000_000 });
    expect(rows.length).toBeGreaterThan(1);
    let previousChecksum = 4_000_000_000;
    for (const row of rows) {
      expect(row.bytes.length).toBeLessThanOrEqual(MAX_ROW_BYTES + 1);
      expect(row.previousChecksum).toBe(previousChecksum);
      previousChecksum = row.checksum;
    }
    expect(rows.flatMap(entriesOf).map(({ index }) => index)).toEqual(entries.map(({ index }) => index));
  });

  it('give an entry that is larger than a row a row of its own', () => {
    const entries = commands(3, MAX_ROW_BYTES + 1);
    expect(rowsOf(entries, EMPTY_LOG).map(({ firstIndex, lastIndex }) => [firstIndex, lastIndex])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  it.each(['firstIndex', 'lastIndex', 'firstTerm', 'lastTerm', 'previousChecksum', 'checksum'] as const)(
    'show a changed %s',
    (column) => {
      const row = onlyRow(commands(5, 10));
      expect(() => entriesOf({ ...row, [column]: row[column] + 1 })).toThrow(/is damaged/);
    },
  );

  it('show any flipped bit of their bytes, and name the row', () => {
    const row = onlyRow(commands(3, 10));
    for (let bit = 0; bit < row.bytes.length * 8; bit += 1) {
      const bytes = Buffer.from(row.bytes);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => entriesOf({ ...row, bytes })).toThrow('the log row with the entries 1 to 3 is damaged');
    }
  });
});
