import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entrySizeBytes } from './entry-size.js';
import { logIndex, term, type NodeId } from './ids.js';
import { InvariantViolation } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import { RaftLog } from './raft-log.js';
import {
  commandEntry,
  entriesOfTerms,
  membershipOf,
  N1,
  N2,
  N3,
  NO_BASE,
  position,
  termsOf,
} from './test-support/raft-builders.js';

const ALONE = membershipOf([N1]);
const newLog = (entries: readonly LogEntry[] = []): RaftLog => new RaftLog(NO_BASE, ALONE, entries);
const all = (log: RaftLog): readonly LogEntry[] =>
  log.lastIndex < log.firstIndex ? [] : log.slice(log.firstIndex, log.lastIndex);

function membershipEntry(index: number, entryTerm: number, voters: readonly NodeId[]): LogEntry {
  return { type: 'membership', ...position(index, entryTerm), membership: membershipOf(voters) };
}

/** Terms of a log: they never fall. */
const termLists = fc.array(fc.nat(2), { maxLength: 30 }).map((steps) => {
  let last = 1;
  return steps.map((step) => (last += step));
});

type LogOperation =
  | { readonly type: 'append'; readonly steps: readonly number[]; readonly sizes: readonly number[] }
  | { readonly type: 'truncate'; readonly at: number }
  | { readonly type: 'compact'; readonly share: number };

const operations: fc.Arbitrary<LogOperation[]> = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant('append' as const),
      steps: fc.array(fc.nat(2), { maxLength: 8 }),
      sizes: fc.array(fc.nat(40), { minLength: 8, maxLength: 8 }),
    }),
    fc.record({ type: fc.constant('truncate' as const), at: fc.nat(60) }),
    fc.record({ type: fc.constant('compact' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
  { maxLength: 20 },
);

describe('log', () => {
  it('is empty at first, with the entry before the first at 0', () => {
    const log = newLog();
    expect([log.firstIndex, log.lastIndex, log.lastTerm]).toEqual([1, 0, 0]);
    expect(log.hasEntry({ prevLogIndex: logIndex(0), prevLogTerm: term(0) })).toBe(true);
    expect(log.termAt(logIndex(1))).toBeNull();
  });

  it.each([
    ['leaves a gap', [commandEntry(3, 1)]],
    ['repeats an index', [commandEntry(1, 1)]],
    ['falls back to an older term', [commandEntry(2, 0)]],
  ])('refuses an entry that %s', (_, batch) => {
    expect(() => newLog(entriesOfTerms(1)).append(batch)).toThrow(InvariantViolation);
  });

  it('behaves like a plain list through any appends, truncations and compactions', () => {
    fc.assert(
      fc.property(operations, fc.nat(80), (steps, limit) => {
        const log = newLog();
        let base = position(0, 0);
        let model: LogEntry[] = [];
        for (const step of steps) {
          if (step.type === 'truncate') {
            const at = logIndex(base.index + 1 + (step.at % (model.length + 1)));
            log.truncateFrom(at);
            model = model.slice(0, at - base.index - 1);
          } else if (step.type === 'compact') {
            const last = model[Math.floor(step.share * model.length) - 1];
            if (last === undefined) continue;
            model = model.slice(last.index - base.index);
            base = position(last.index, last.term);
            log.compactTo(base);
          } else {
            let last: number = model.at(-1)?.term ?? Math.max(1, base.term);
            const next = log.lastIndex + 1;
            const batch = step.steps.map((rise, place) =>
              commandEntry(next + place, (last += rise), new Uint8Array(step.sizes[place] ?? 0)),
            );
            log.append(batch);
            model.push(...batch);
          }
          expect(all(log)).toEqual(model);
          expect([log.baseIndex, log.lastIndex]).toEqual([base.index, base.index + model.length]);
          expect([log.termAt(base.index), log.lastTerm]).toEqual([base.term, model.at(-1)?.term ?? base.term]);
          const sizes = model.map(entrySizeBytes);
          expect(log.sizeBytes(base.index, log.lastIndex)).toBe(sizes.reduce((sum, size) => sum + size, 0));
          const atMost = model.filter((entry) => entry.term <= limit).length;
          expect(log.lastIndexWithTermAtMost(term(limit))).toBe(base.index + atMost);
          const fitting = sizes.filter((_, place) => sizes.slice(0, place + 1).reduce((a, b) => a + b) <= limit).length;
          expect(log.lastIndexWithin(log.firstIndex, limit)).toBe(base.index + fitting);
        }
      }),
    );
  });

  it('finds by bisection what a walk along the terms finds', () => {
    fc.assert(
      fc.property(termLists, fc.nat(70), (terms, limit) => {
        const log = newLog(entriesOfTerms(...terms));
        const atMost = terms.filter((value) => value <= limit).length;
        expect(log.lastIndexWithTermAtMost(term(limit))).toBe(atMost);
        if (terms.includes(limit)) expect(log.firstIndexOfTerm(term(limit))).toBe(terms.indexOf(limit) + 1);
      }),
    );
  });

  it('measures how many entries fit into a number of bytes', () => {
    const sized = fc.array(fc.nat(50), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sized, fc.nat(19), fc.nat(800), (sizes, start, maxBytes) => {
        const entries = sizes.map((size, position) => commandEntry(position + 1, 1, new Uint8Array(size)));
        const from = (start % entries.length) + 1;
        let [expected, bytes] = [from - 1, 0];
        for (const entry of entries.slice(from - 1)) {
          bytes += entrySizeBytes(entry);
          if (bytes > maxBytes) break;
          expected = entry.index;
        }
        expect(newLog(entries).lastIndexWithin(logIndex(from), maxBytes)).toBe(expected);
      }),
    );
  });

  it('gives an appended batch itself to whoever asks for its range, and the same array for any range asked twice', () => {
    const log = newLog(entriesOfTerms(1, 1));
    const batch = [commandEntry(3, 1), commandEntry(4, 1)];
    log.append(batch);
    expect(log.slice(logIndex(3), logIndex(4))).toBe(batch);
    expect(log.slice(logIndex(2), logIndex(4))).toBe(log.slice(logIndex(2), logIndex(4)));
  });

  it('forgets remembered ranges when it is truncated', () => {
    const log = newLog();
    log.append([commandEntry(1, 1), commandEntry(2, 1)]);
    log.truncateFrom(logIndex(2));
    log.append([commandEntry(2, 2)]);
    expect(termsOf(log.slice(logIndex(1), logIndex(2)))).toEqual([1, 2]);
  });

  it('refuses to give a range that it does not hold', () => {
    expect(() => newLog(entriesOfTerms(1)).slice(logIndex(1), logIndex(2))).toThrow(InvariantViolation);
  });
});

describe('log above a base', () => {
  const base = { index: logIndex(10), term: term(3) };
  const log = new RaftLog(base, ALONE, [commandEntry(11, 3), commandEntry(12, 4)]);

  it('knows the term at the base and nothing below', () => {
    expect([log.firstIndex, log.lastIndex]).toEqual([11, 12]);
    expect([9, 10, 11, 12, 13].map((index) => log.termAt(logIndex(index)))).toEqual([null, 3, 3, 4, null]);
    expect(log.firstIndexOfTerm(term(4))).toBe(12);
    expect(log.lastIndexWithTermAtMost(term(2))).toBe(10);
  });

  it('never gives up what is compacted', () => {
    expect(() => log.truncateFrom(logIndex(10))).toThrow(InvariantViolation);
  });
});

describe('compaction of the log, Raft §7', () => {
  it('drops a prefix and keeps the term at its end', () => {
    const log = newLog(entriesOfTerms(1, 1, 2, 2));
    log.compactTo(position(3, 2));
    expect([log.baseIndex, log.firstIndex, log.lastIndex]).toEqual([3, 4, 4]);
    expect([2, 3, 4].map((index) => log.termAt(logIndex(index)))).toEqual([null, 2, 2]);
    expect(log.hasEntry({ prevLogIndex: logIndex(3), prevLogTerm: term(2) })).toBe(true);
  });

  it('may drop everything, and the log goes on from there', () => {
    const log = newLog(entriesOfTerms(1, 2));
    log.compactTo(position(2, 2));
    expect([log.lastIndex, log.lastTerm]).toEqual([2, 2]);
    log.append([commandEntry(3, 2)]);
    expect(all(log)).toEqual([commandEntry(3, 2)]);
  });

  it('does nothing for what is dropped already', () => {
    const log = newLog(entriesOfTerms(1, 1, 1));
    log.compactTo(position(2, 1));
    log.compactTo(position(1, 1));
    expect(log.baseIndex).toBe(2);
  });

  it.each([
    ['of another term', position(2, 3)],
    ['that is not there', position(4, 1)],
  ])('refuses a last entry %s', (_, base) => {
    expect(() => newLog(entriesOfTerms(1, 1, 1)).compactTo(base)).toThrow(InvariantViolation);
  });

  it('forgets the remembered ranges that it cut, and only these', () => {
    const log = newLog();
    const [cut, kept] = [entriesOfTerms(1, 1), [commandEntry(3, 1), commandEntry(4, 1)]];
    log.append(cut);
    log.append(kept);
    log.compactTo(position(2, 1));
    expect(log.slice(logIndex(3), logIndex(4))).toBe(kept);
    expect(() => log.slice(logIndex(1), logIndex(2))).toThrow(InvariantViolation);
    expect(() => log.slice(logIndex(2), logIndex(3))).toThrow(InvariantViolation);
  });

  it('in small steps of a long log takes time in what is dropped, not in what remains', () => {
    const ENTRIES = 200_000;
    const log = newLog(Array.from({ length: ENTRIES }, (_, place) => commandEntry(place + 1, 1)));
    for (let index = 1; index <= ENTRIES; index += 1) log.compactTo(position(index, 1));
    expect([log.baseIndex, log.lastIndex]).toEqual([ENTRIES, ENTRIES]);
  });
});

describe('a log that begins anew with a snapshot, Raft §7', () => {
  const snapshot = { ...position(3, 2), membership: membershipOf([N1, N2]) };

  it('keeps what follows the snapshot if it may', () => {
    const log = newLog(entriesOfTerms(1, 1, 2, 2));
    log.resetTo(snapshot, { keepsTail: true });
    expect(all(log)).toEqual([commandEntry(4, 2)]);
    expect([log.baseIndex, log.membership]).toEqual([3, snapshot.membership]);
  });

  it('else is empty, and takes the term and the membership of the snapshot', () => {
    const log = newLog([...entriesOfTerms(1, 1, 1, 1), membershipEntry(5, 1, [N3])]);
    log.resetTo(snapshot, { keepsTail: false });
    expect([log.baseIndex, log.lastIndex, log.lastTerm]).toEqual([3, 3, 2]);
    expect([log.membership, log.membershipIndex]).toEqual([snapshot.membership, 3]);
    log.append([commandEntry(4, 5)]);
    expect(log.sizeBytes(logIndex(3), logIndex(4))).toBe(entrySizeBytes(commandEntry(4, 5)));
  });
});

describe('membership in the log, Raft §6', () => {
  const larger = membershipOf([N1, N2, N3]);
  const change: LogEntry = { type: 'membership', index: logIndex(2), term: term(1), membership: larger };

  it('is in force as soon as it is appended, and no longer when it is truncated', () => {
    const log = newLog(entriesOfTerms(1));
    expect(log.membership).toEqual(ALONE);
    log.append([change, commandEntry(3, 1)]);
    expect(log.membership).toEqual(larger);
    log.truncateFrom(logIndex(3));
    expect(log.membership).toEqual(larger);
    log.truncateFrom(logIndex(2));
    expect(log.membership).toEqual(ALONE);
  });

  it('is known for every index, also when the entry that brought it is compacted', () => {
    const log = newLog([...entriesOfTerms(1), change, commandEntry(3, 1), membershipEntry(4, 1, [N1, N2])]);
    const votersAt = (...indexes: number[]) => indexes.map((index) => log.membershipAt(logIndex(index)).voters.length);
    expect(votersAt(0, 1, 2, 3, 4)).toEqual([1, 1, 3, 3, 2]);
    log.compactTo(position(3, 1));
    expect(votersAt(3, 4)).toEqual([3, 2]);
    expect(log.membershipHistory.map(({ index }) => index)).toEqual([3, 4]);
    expect(() => log.membershipAt(logIndex(2))).toThrow(InvariantViolation);
    log.truncateFrom(logIndex(4));
    expect([log.membership, log.membershipIndex]).toEqual([larger, 3]);
  });
});

describe('up-to-date logs, Raft §5.4.1', () => {
  it('compares the last terms first, then the lengths', () => {
    fc.assert(
      fc.property(termLists, termLists, (own, theirs) => {
        const candidate = { lastLogIndex: logIndex(theirs.length), lastLogTerm: term(theirs.at(-1) ?? 0) };
        const [ownTerm, theirTerm] = [own.at(-1) ?? 0, theirs.at(-1) ?? 0];
        const expected = theirTerm > ownTerm || (theirTerm === ownTerm && theirs.length >= own.length);
        expect(newLog(entriesOfTerms(...own)).isNoNewerThan(candidate)).toBe(expected);
      }),
    );
  });
});
