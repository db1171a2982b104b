import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, nodeId, term, type LogEntry } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import { decodeEntries, encodeEntries } from './entries-codec.js';

const SEED = 20_261_121;
const RUNS = 300;
const MAX_ENTRIES = 40;
const MAX_DATA_BYTES = 300;
const MAX_INDEX = Number.MAX_SAFE_INTEGER;

const nodes = fc.array(fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/).map(nodeId), { maxLength: 5 });
const content = fc.oneof(
  fc.constant({ type: 'noop' as const }),
  fc.record({ type: fc.constant('command' as const), data: fc.uint8Array({ maxLength: MAX_DATA_BYTES }) }),
  fc.record({
    type: fc.constant('membership' as const),
    membership: fc.record(
      { voters: nodes, votersOutgoing: nodes, learners: nodes, addresses: fc.dictionary(fc.string(), fc.string()) },
      { requiredKeys: ['voters', 'votersOutgoing', 'learners'] },
    ),
  }),
);

/** Consecutive entries whose terms never fall, with indices up to the last one that a number holds. */
const runs: fc.Arbitrary<LogEntry[]> = fc
  .record({
    firstIndex: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constant(MAX_INDEX - MAX_ENTRIES)),
    firstTerm: fc.oneof(
      fc.integer({ min: 0, max: 300 }),
      fc.constant(2 ** 32 - 1),
      fc.constant(MAX_INDEX - MAX_ENTRIES),
    ),
    steps: fc.array(fc.tuple(content, fc.integer({ min: 0, max: 1 })), { minLength: 1, maxLength: MAX_ENTRIES }),
  })
  .map(({ firstIndex, firstTerm, steps }) => {
    let entryTerm = firstTerm;
    return steps.map(([entry, growth], position) => {
      entryTerm += growth;
      return { ...entry, index: logIndex(firstIndex + position), term: term(entryTerm) };
    });
  });

function rowOf(entries: readonly LogEntry[]): { firstIndex: number; firstTerm: number; count: number } {
  return { firstIndex: entries[0]?.index ?? 0, firstTerm: entries[0]?.term ?? 0, count: entries.length };
}

/** As plain values, so that a view and an array of the same bytes are the same. */
function plain(entries: readonly LogEntry[]): unknown[] {
  return entries.map((entry) => (entry.type === 'command' ? { ...entry, data: [...entry.data] } : entry));
}

describe('entries codec', () => {
  it('gives back exactly the entries that were encoded', () => {
    fc.assert(
      fc.property(runs, (entries) => {
        expect(plain(decodeEntries(encodeEntries(entries), rowOf(entries)))).toEqual(plain(entries));
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('never gives back fewer entries when the bytes are cut short', () => {
    fc.assert(
      fc.property(runs, fc.nat(), (entries, cut) => {
        const bytes = encodeEntries(entries);
        const shorter = bytes.subarray(0, cut % bytes.length);
        expect(() => decodeEntries(shorter, rowOf(entries))).toThrow(LogStoreError);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('fails with a clear error, never with another one, on any damaged byte', () => {
    fc.assert(
      fc.property(runs, fc.nat(), fc.integer({ min: 1, max: 255 }), (entries, at, flips) => {
        const bytes = encodeEntries(entries);
        const position = at % bytes.length;
        bytes[position] = (bytes[position] ?? 0) ^ flips;
        try {
          // A damaged data byte is not the codec's to find: that is what the row's checksum is for.
          expect(decodeEntries(bytes, rowOf(entries))).toHaveLength(entries.length);
        } catch (error) {
          expect(error).toMatchObject({ name: 'LogStoreError', code: 'corrupt' });
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('refuses bytes of a version that it does not know', () => {
    const bytes = encodeEntries([{ type: 'noop', index: logIndex(1), term: term(1) }]);
    bytes[0] = 2;
    expect(() => decodeEntries(bytes, { firstIndex: 1, firstTerm: 1, count: 1 })).toThrow(/unknown format 2/);
  });

  it('refuses bytes that hold more entries than the row says', () => {
    const entries: LogEntry[] = [1, 2].map((index) => ({ type: 'noop', index: logIndex(index), term: term(1) }));
    expect(() => decodeEntries(encodeEntries(entries), { firstIndex: 1, firstTerm: 1, count: 1 })).toThrow(
      /left behind/,
    );
  });

  it('spends two bytes on a no-op and little more than its data on a command', () => {
    const noop: LogEntry = { type: 'noop', index: logIndex(9_000_000), term: term(9_000_000) };
    const command: LogEntry = {
      type: 'command',
      index: logIndex(9_000_001),
      term: noop.term,
      data: new Uint8Array(100),
    };
    expect(encodeEntries([noop])).toHaveLength(2);
    expect(encodeEntries([noop, command])).toHaveLength(2 + 2 + 100);
  });
});
