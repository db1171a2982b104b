import { LogStoreError, MAX_READ_ROWS } from '@latchkey/replica';
import { key, revision, versionKey, type KeyRecord, type PastRecord } from '@latchkey/state-machine';
import { describe, expect, it } from 'vitest';
import { ColdLog, longValue, nameOf } from '../test-support/cold-log.js';
import { PastValues } from './past-values.js';

const NAME = key('a');

function world() {
  const log = new ColdLog();
  const damage: string[] = [];
  const past = new PastValues({
    reader: log.machine,
    readRows: log.readRows,
    onCorrupt: (error) => damage.push(error.message),
  });
  /** What was current at these revisions. */
  const recordsAt = (...revisions: number[]): (PastRecord | null)[] =>
    revisions.map((at) => {
      const found = log.machine.getAt(NAME, revision(at));
      if (found !== null && 'code' in found) throw new Error(found.code);
      return found;
    });
  const read = (...revisions: number[]) => {
    const records = recordsAt(...revisions);
    return past.with(records, (valueOf) => records.map((record) => record && valueOf(record)));
  };
  return { log, damage, past, read, recordsAt };
}

const valuesOf = (records: readonly (KeyRecord | null)[]) => records.map((record) => record?.value ?? null);

describe('values of the past', () => {
  it('that are in memory are there at once, and nobody looks into the rows', () => {
    const { log, read } = world();
    for (let count = 0; count < 3; count += 1) log.put('a');
    const records = read(1, 2, 3, 4);
    if (records instanceof Promise) throw new Error('it waits');
    expect(valuesOf(records)).toEqual([null, longValue(2), longValue(3), longValue(4)]);
    expect(log.lookups).toEqual([]);
  });

  it('that are not are read, all with one look into the rows, beside those that are', async () => {
    const { log, read } = world();
    for (let count = 0; count < 3; count += 1) log.put('a');
    log.save();
    const records = await read(1, 2, 3, 4, 2);
    expect(valuesOf(records)).toEqual([null, longValue(2), longValue(3), longValue(4), longValue(2)]);
    expect(records[1]).toMatchObject({ key: 'a', modRevision: 2, createRevision: 2, version: 1, leaseId: null });
    expect(log.lookups).toHaveLength(1);
  });

  it('are read in parts that a store takes', async () => {
    const { log, read } = world();
    const count = MAX_READ_ROWS + 2;
    for (let written = 0; written < count; written += 1) log.put('a');
    log.save();
    const records = await read(...Array.from({ length: count }, (_, at) => at + 2));
    expect(valuesOf(records)).toEqual(Array.from({ length: count }, (_, at) => longValue(at + 2)));
    // The last one is current.
    expect(log.lookups).toEqual([MAX_READ_ROWS, 1]);
  });

  it('that were compacted while somebody waited for them are refused as any that are', async () => {
    const { log, read } = world();
    for (let count = 0; count < 3; count += 1) log.put('a');
    log.save();
    const asked = read(2);
    log.apply([{ type: 'compact', revision: revision(4) }]);
    log.save();
    await expect(asked).rejects.toMatchObject({ body: { code: 'COMPACTED', details: { compactRevision: 4 } } });
  });

  it('that are still there and in no row cannot be read now, as while the rows are those of a later state already', async () => {
    const { log, damage, read } = world();
    for (let count = 0; count < 3; count += 1) log.put('a');
    log.save();
    log.rows.clear();
    await expect(read(2)).rejects.toMatchObject({ body: { code: 'UNAVAILABLE', retry: 'safe' } });
    expect(damage).toEqual([]);
  });

  it('cannot be read while the database is away, and that is no damage', async () => {
    const { log, damage, read } = world();
    for (let count = 0; count < 3; count += 1) log.put('a');
    log.save();
    log.gate = Promise.reject(new LogStoreError('unavailable', 'away'));
    await expect(read(2)).rejects.toMatchObject({ body: { code: 'UNAVAILABLE', retry: 'safe' } });
    expect(damage).toEqual([]);
  });

  it.each([
    ['a row that its store finds damaged', (log: ColdLog) => (log.gate = rejected())],
    ['the row of another version', (log: ColdLog) => swap(log, 2, 3)],
    ['a row that is cut off', (log: ColdLog) => change(log, 2, (row) => row.slice(0, 20))],
    ['a row without bytes', (log: ColdLog) => change(log, 2, () => new Uint8Array(0))],
    ['the row of a deletion', (log: ColdLog) => change(log, 2, (row) => row.slice(0, 13).with(0, 1))],
    ['a row of a longer value', (log: ColdLog) => change(log, 2, (row) => new Uint8Array([...row, 0]))],
  ])('are not taken from %s, which is reported', async (_name, damageIt) => {
    const { log, damage, read } = world();
    for (let count = 0; count < 3; count += 1) log.put('a');
    log.save();
    damageIt(log);
    await expect(read(2)).rejects.toMatchObject({ body: { code: 'UNAVAILABLE' } });
    expect(damage).toHaveLength(1);
  });
});

const rejected = (): Promise<void> => {
  const gate = Promise.reject<void>(new LogStoreError('corrupt', 'damaged'));
  gate.catch(() => undefined);
  return gate;
};

const rowNameAt = (at: number): string => nameOf(versionKey({ modRevision: revision(at), key: NAME }));

function change(log: ColdLog, at: number, to: (row: Uint8Array) => Uint8Array): void {
  const row = log.rows.get(rowNameAt(at));
  if (row === undefined) throw new Error(`no row of revision ${at}`);
  log.rows.set(rowNameAt(at), to(row));
}

function swap(log: ColdLog, at: number, other: number): void {
  change(log, at, () => log.rows.get(rowNameAt(other)) ?? new Uint8Array(0));
}
