import { describe, expect, it } from 'vitest';
import { logIndex } from './ids.js';
import { Progress } from './progress.js';
import { N2, position } from './test-support/raft-builders.js';

const LIMITS = { maxAppends: 2, maxBytes: 1_000 };

function progressAt(nextIndex: number): Progress {
  return new Progress(N2, { nextIndex: logIndex(nextIndex), nowMs: 0, limits: LIMITS });
}

function replicating(matchIndex: number): Progress {
  const progress = progressAt(matchIndex + 1);
  progress.accepted(logIndex(matchIndex));
  return progress;
}

const sent = (lastIndex: number) => ({ lastIndex: logIndex(lastIndex), sizeBytes: 10 });
const rejection = (prevLogIndex: number, lastLogIndex: number) => ({
  prevLogIndex: logIndex(prevLogIndex),
  lastLogIndex: logIndex(lastLogIndex),
});

describe('progress of a peer', () => {
  it('probes with one append at a time until the first is accepted', () => {
    const progress = progressAt(5);
    expect(progress.maySendEntries).toBe(true);
    progress.sentEntries(sent(7));
    expect([progress.maySendEntries, progress.nextIndex]).toEqual([false, 5]);
    progress.accepted(logIndex(7));
    expect([progress.state, progress.maySendEntries, progress.nextIndex]).toEqual(['replicate', true, 8]);
  });

  it('then sends ahead of the answers, until the window is full', () => {
    const progress = replicating(4);
    progress.sentEntries(sent(6));
    progress.sentEntries(sent(8));
    expect([progress.nextIndex, progress.maySendEntries]).toEqual([9, false]);
    progress.accepted(logIndex(6));
    expect([progress.matchIndex, progress.nextIndex, progress.maySendEntries]).toEqual([6, 9, true]);
  });

  it('never lets matchIndex fall, whatever answers come late', () => {
    const progress = replicating(9);
    expect(progress.accepted(logIndex(3))).toBe(false);
    expect([progress.matchIndex, progress.nextIndex]).toEqual([9, 10]);
  });

  it('goes back on a rejection, but never into what is known to match', () => {
    const progress = replicating(4);
    progress.sentEntries(sent(8));
    progress.probeFrom(logIndex(2));
    expect([progress.state, progress.nextIndex, progress.inFlight.isEmpty]).toEqual(['probe', 5, true]);
  });

  it.each([
    ['at the last index sent', 8, 6, true],
    ['at an index that is known to match', 4, 6, false],
    ['from a time when the peer held less than it is known to hold', 8, 3, false],
    ['beyond anything sent', 9, 6, false],
  ])('takes a rejection %s for current: prev %i, last %i, %s', (_, prev, last, isCurrent) => {
    const progress = replicating(4);
    progress.sentEntries(sent(8));
    expect(progress.isCurrentRejection(rejection(prev, last))).toBe(isCurrent);
  });

  it('takes only the first of several rejections caused by one lost append', () => {
    const progress = replicating(4);
    progress.sentEntries(sent(6));
    progress.sentEntries(sent(8));
    expect(progress.isCurrentRejection(rejection(6, 4))).toBe(true);
    progress.probeFrom(logIndex(5));
    expect(progress.isCurrentRejection(rejection(8, 4))).toBe(false);
  });
});

describe('progress of a peer that needs a snapshot', () => {
  function awaiting(): Progress {
    const progress = replicating(4);
    progress.sentEntries(sent(8));
    progress.awaitSnapshot(position(20, 3));
    return progress;
  }

  it('is sent no entries, and what was on its way is forgotten', () => {
    const progress = awaiting();
    expect(progress.maySendEntries).toBe(false);
    expect([progress.nextIndex, progress.inFlight.isEmpty]).toEqual([5, true]);
    expect(progress.pendingSnapshot).toEqual(position(20, 3));
  });

  it('takes no rejection for news', () => {
    expect(awaiting().isCurrentRejection(rejection(20, 4))).toBe(false);
  });

  it('remembers what is accepted, and waits on', () => {
    const progress = awaiting();
    expect(progress.accepted(logIndex(7))).toBe(true);
    expect([progress.state, progress.matchIndex, progress.nextIndex]).toEqual(['snapshot', 7, 8]);
  });

  it('goes on after what it has when that is enough', () => {
    const progress = awaiting();
    progress.accepted(logIndex(22));
    progress.snapshotArrived();
    expect([progress.state, progress.nextIndex, progress.maySendEntries]).toEqual(['replicate', 23, true]);
    expect(progress.pendingSnapshot).toBeNull();
  });

  it('is asked anew after a failure, but not before the next heartbeat', () => {
    const progress = awaiting();
    progress.snapshotFailed();
    expect([progress.state, progress.nextIndex, progress.maySendEntries]).toEqual(['probe', 5, false]);
    progress.accepted(logIndex(4));
    expect([progress.state, progress.maySendEntries]).toEqual(['replicate', true]);
  });
});
