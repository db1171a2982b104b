import { describe, expect, it } from 'vitest';
import { Durability } from './durability.js';
import { logIndex, persistId, term } from './ids.js';
import { InvariantViolation } from './invariant.js';
import { RaftLog } from './raft-log.js';
import { commandEntry, entriesOfTerms, hardState, membershipOf, N1, snapshotAt } from './test-support/raft-builders.js';

class Disk {
  readonly log = new RaftLog({ index: logIndex(0), term: term(0) }, membershipOf([N1]), entriesOfTerms(1, 1));
  readonly durability = new Durability(this.log.lastIndex);

  write(...entries: Parameters<typeof commandEntry>[]): void {
    const batch = entries.map((parts) => commandEntry(...parts));
    const first = batch[0];
    if (first === undefined) return;
    if (first.index <= this.log.lastIndex) {
      this.log.truncateFrom(first.index);
      this.durability.noteTruncated(first.index);
    }
    this.log.append(batch);
    this.durability.noteAppended(first.index);
    this.durability.takeWrite(hardState(9), this.log, 0);
  }

  completed(id: number): number {
    this.durability.completed(persistId(id));
    return this.durability.durableIndex;
  }
}

describe('durability', () => {
  it('counts an entry once its write is done, not when it is handed out', () => {
    const disk = new Disk();
    disk.write([3, 1], [4, 1]);
    disk.write([5, 1]);
    expect(disk.durability.durableIndex).toBe(2);
    expect(disk.completed(1)).toBe(4);
    expect(disk.completed(2)).toBe(5);
  });

  it('takes a report for all writes before it, and does not mind reports that come late', () => {
    const disk = new Disk();
    disk.write([3, 1]);
    disk.write([4, 1]);
    expect(disk.completed(2)).toBe(4);
    expect(disk.completed(1)).toBe(4);
    expect(() => disk.completed(3)).toThrow(InvariantViolation);
  });

  it('does not count a late report of entries that were overwritten meanwhile (ABA, FAILURE-MODES 6)', () => {
    const disk = new Disk();
    disk.write([3, 1], [4, 1], [5, 1]);
    disk.write([4, 2], [5, 2]);
    expect(disk.completed(1)).toBe(3);
    expect(disk.completed(2)).toBe(5);
  });

  it('does not count it even when the very same entries have come back since', () => {
    const disk = new Disk();
    disk.write([3, 1], [4, 1]);
    disk.write([4, 2]);
    disk.write([4, 1]);
    // Entry 4/1 is in the log and was on disk, but the disk is about to go through 4/2.
    expect(disk.completed(1)).toBe(3);
    expect(disk.completed(2)).toBe(3);
    expect(disk.completed(3)).toBe(4);
  });

  it('is back to what remains as soon as durable entries are truncated', () => {
    const disk = new Disk();
    disk.write([2, 3]);
    expect(disk.durability.durableIndex).toBe(1);
  });

  it('makes one write of all that a step changed', () => {
    const { log, durability } = new Disk();
    durability.noteHardState();
    log.truncateFrom(logIndex(2));
    durability.noteTruncated(logIndex(2));
    const batch = [commandEntry(2, 4), commandEntry(3, 4)];
    log.append(batch);
    durability.noteAppended(logIndex(2));
    const effect = durability.takeWrite(hardState(4, N1), log, 0);
    expect(effect).toEqual({
      type: 'persist',
      persistId: 1,
      hardState: hardState(4, N1),
      truncateFrom: 2,
      entries: batch,
    });
    expect(effect?.type === 'persist' && effect.entries).toBe(batch);
    expect(durability.takeWrite(hardState(4, N1), log, 0)).toBeNull();
  });

  it('installs a snapshot by one write together with the term, and counts its entries when that is done', () => {
    const { log, durability } = new Disk();
    const snapshot = snapshotAt(9, 3);
    durability.noteHardState();
    durability.noteSnapshot({ snapshot, keepsTail: false, lastSharedIndex: logIndex(1) });
    log.resetTo(snapshot, { keepsTail: false });
    expect(durability.latestWrite).toBe(1);
    expect(durability.takeWrite(hardState(4), log, 0)).toEqual({
      type: 'installSnapshot',
      persistId: 1,
      hardState: hardState(4),
      snapshot,
      keepsTail: false,
    });
    expect([durability.durableIndex, durability.hardStateWrite]).toEqual([1, 1]);
    durability.completed(persistId(1));
    expect(durability.durableIndex).toBe(9);
    expect(durability.takeWrite(hardState(4), log, 0)).toBeNull();
  });

  it('does not count late reports of entries that a snapshot has replaced, but those of a tail that stays', () => {
    for (const keepsTail of [false, true]) {
      const disk = new Disk();
      disk.write([3, 1], [4, 1], [5, 1]);
      disk.durability.noteSnapshot({ snapshot: snapshotAt(4, 1), keepsTail, lastSharedIndex: logIndex(2) });
      disk.log.resetTo(snapshotAt(4, 1), { keepsTail });
      disk.durability.takeWrite(hardState(9), disk.log, 0);
      expect(disk.completed(1)).toBe(keepsTail ? 5 : 2);
      expect(disk.completed(2)).toBe(keepsTail ? 5 : 4);
    }
  });

  it('knows since when the oldest write waits', () => {
    const { log, durability } = new Disk();
    expect(durability.waitingSinceMs).toBe(Infinity);
    for (const nowMs of [10, 20]) {
      durability.noteHardState();
      durability.takeWrite(hardState(nowMs), log, nowMs);
    }
    expect(durability.waitingSinceMs).toBe(10);
    durability.completed(persistId(1));
    expect(durability.waitingSinceMs).toBe(20);
    durability.completed(persistId(2));
    expect(durability.waitingSinceMs).toBe(Infinity);
  });

  it('names the write that messages must wait for: of the hard state, or of everything', () => {
    const { log, durability } = new Disk();
    expect([durability.hardStateWrite, durability.latestWrite]).toEqual([null, null]);
    durability.noteHardState();
    expect([durability.hardStateWrite, durability.latestWrite]).toEqual([1, 1]);
    durability.takeWrite(hardState(2), log, 0);
    log.append([commandEntry(3, 2)]);
    durability.noteAppended(logIndex(3));
    expect([durability.hardStateWrite, durability.latestWrite]).toEqual([1, 2]);
    durability.takeWrite(hardState(2), log, 0);
    durability.completed(persistId(1));
    expect([durability.hardStateWrite, durability.latestWrite]).toEqual([null, 2]);
    durability.completed(persistId(2));
    expect(durability.latestWrite).toBeNull();
  });
});
