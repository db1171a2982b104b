import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackupDamaged } from './backup-damaged.js';
import { BackupEncoder } from './backup-encoder.js';
import { MAX_FRAME_ROW_BYTES, MAX_ROW_KEY_BYTES, PREFIX_BYTES, type BackupRow } from './backup-format.js';
import { readBackup, verifyBackup } from './read-backup.js';
import { encodedBackup, HEADER, numberedRows } from './test-support/sample-backup.js';

const PROPERTY_RUNS = 200;
const BITS = 8;

/** Cut into chunks of these sizes, over and over. */
async function* chunksOf(bytes: Uint8Array, sizes: readonly number[] = [1_000]): AsyncGenerator<Uint8Array> {
  for (let offset = 0, count = 0; offset < bytes.byteLength; count += 1) {
    const size = sizes[count % sizes.length] ?? 1;
    // A copy of its own: what was read must not depend on what else its chunk held.
    yield new Uint8Array(bytes.subarray(offset, offset + size));
    offset += size;
  }
}

async function decoded(bytes: Uint8Array, sizes?: readonly number[]) {
  const rows: BackupRow[] = [];
  const parts = readBackup(chunksOf(bytes, sizes));
  for (;;) {
    const { done, value } = await parts.next();
    if (done === true) return { rows, summary: value };
    if (value.type === 'rows') rows.push(...value.rows);
    else expect(value.header).toEqual(HEADER);
  }
}

const outcomeOf = (bytes: Uint8Array): Promise<unknown> =>
  verifyBackup(chunksOf(bytes)).then(
    () => 'accepted',
    (error: unknown) => (error instanceof BackupDamaged ? 'refused' : error),
  );

const plain = (rows: readonly BackupRow[]) => rows.map(({ key, value }) => [[...key], [...value]]);

describe('the file of a backup', () => {
  it('gives back what was written, however the reads cut it', async () => {
    const pages = fc.array(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), { maxLength: 6 });
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(pages, sizes, async (values, chunkSizes) => {
        let next = 0;
        const rows = values.map((page) =>
          page.map((value) => ({ key: Uint8Array.of(7, (next += 1) >>> 8, next & 255), value })),
        );
        const file = encodedBackup(rows);
        const { rows: read, summary } = await decoded(file, chunkSizes);
        expect(plain(read)).toEqual(plain(rows.flat()));
        expect(summary).toMatchObject({ rowCount: rows.flat().length, byteCount: file.byteLength });
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('has frames of a bounded size, and one of its own for a row that is larger', async () => {
    const small = numberedRows(1_000, 1_000);
    const frames = [...new BackupEncoder().rows(small)];
    expect(frames.length).toBeGreaterThan(3);
    for (const frame of frames) expect(frame.byteLength).toBeLessThan(MAX_FRAME_ROW_BYTES + 1_100);
    const large = numberedRows(3, MAX_FRAME_ROW_BYTES + 1);
    expect([...new BackupEncoder().rows(large)]).toHaveLength(3);
    expect((await decoded(encodedBackup([small, []]))).summary.rowCount).toBe(1_000);
    expect((await decoded(encodedBackup([large]), [65_536])).rows.map(({ value }) => value.byteLength)).toEqual(
      large.map(({ value }) => value.byteLength),
    );
  });

  it('names its content: the same rows give the same digest, others another one', async () => {
    const digestOf = async (rows: readonly BackupRow[]) => (await verifyBackup(chunksOf(encodedBackup([rows])))).digest;
    expect(await digestOf(numberedRows(5))).toBe(await digestOf(numberedRows(5)));
    expect(await digestOf(numberedRows(5))).not.toBe(await digestOf(numberedRows(6)));
  });

  it('is not written with rows that could not be read again', () => {
    const row = { key: new Uint8Array(MAX_ROW_KEY_BYTES + 1), value: new Uint8Array(0) };
    expect(() => [...new BackupEncoder().rows([row])]).toThrow(BackupDamaged);
  });
});

describe('a damaged backup', () => {
  const file = encodedBackup([numberedRows(3), numberedRows(6).slice(3)]);

  it('is refused whichever bit of it is another', async () => {
    const accepted: string[] = [];
    for (let position = 0; position < file.byteLength; position += 1) {
      for (let bit = 0; bit < BITS; bit += 1) {
        const damaged = file.slice();
        damaged[position] = (damaged[position] ?? 0) ^ (1 << bit);
        const outcome = await outcomeOf(damaged);
        if (outcome !== 'refused') accepted.push(`${position}.${bit}: ${String(outcome)}`);
      }
    }
    expect(accepted).toEqual([]);
    expect(await outcomeOf(file)).toBe('accepted');
  });

  it('is refused wherever it ends too early', async () => {
    for (let length = 0; length < file.byteLength; length += 1) {
      expect(await outcomeOf(file.subarray(0, length)), `${length} bytes`).toBe('refused');
    }
  });

  it('is refused with bytes at any place that do not belong there, or without some', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(file.byteLength), fc.uint8Array({ minLength: 1, maxLength: 50 }), async (at, more) => {
        const longer = Buffer.concat([file.subarray(0, at), more, file.subarray(at)]);
        expect(await outcomeOf(longer)).toBe('refused');
        const shorter = Buffer.concat([file.subarray(0, at), file.subarray(at + more.byteLength)]);
        if (shorter.byteLength < file.byteLength) expect(await outcomeOf(shorter)).toBe('refused');
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it.each([
    ['two frames have changed places', (frames: Uint8Array[]) => [frames[0], frames[2], frames[1], frames[3]]],
    ['a frame is missing', (frames: Uint8Array[]) => [frames[0], frames[2], frames[3]]],
    ['a frame comes twice', (frames: Uint8Array[]) => [frames[0], frames[1], frames[1], frames[2], frames[3]]],
    ['there is only a trailer', (frames: Uint8Array[]) => [frames[0]?.subarray(0, PREFIX_BYTES), frames[3]]],
  ])('is refused when %s, though each frame is whole', async (_damage, rearrange) => {
    const encoder = new BackupEncoder();
    const frames = [
      encoder.begin(HEADER),
      ...encoder.rows(numberedRows(2)),
      ...encoder.rows(numberedRows(4).slice(2)),
      encoder.end(),
    ];
    expect(await outcomeOf(Buffer.concat(frames))).toBe('accepted');
    const rearranged = rearrange(frames).map((frame) => frame ?? new Uint8Array(0));
    expect(await outcomeOf(Buffer.concat(rearranged))).toBe('refused');
  });

  it('says what is wrong with it', async () => {
    const messageOf = async (bytes: Uint8Array) =>
      verifyBackup(chunksOf(bytes)).catch((error: unknown) => (error instanceof Error ? error.message : ''));
    expect(await messageOf(new TextEncoder().encode('{"not": "a backup"}'))).toBe('this is no backup of Latchkey');
    expect(await messageOf(file.with(PREFIX_BYTES - 1, 9))).toBe('version 9 of the format; this program reads 1');
    expect(await messageOf(file.subarray(0, -1))).toBe('it ends too early');
    expect(await messageOf(encodedBackup([numberedRows(3).toReversed()]))).toBe('its rows are out of order');
  });
});
