import { describe, expect, it } from 'vitest';
import { logIndex, nodeId, term } from './ids.js';
import { InvariantViolation } from './invariant.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendRequest,
  commandEntry,
  entriesOfTerms,
  hardState,
  N2,
  N3,
  termsOf,
} from './test-support/raft-builders.js';

describe('append at a follower, Raft §5.3', () => {
  it('is answered once its entries are durable, with the last index that it verified', () => {
    const node = new LoneNode({ hardState: hardState(1) });
    node.autoPersist = false;
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1, 1), confirmRound: 4 }));
    node.receive(N2, appendRequest({ term: 1, prevLogIndex: 2, prevLogTerm: 1, entries: [commandEntry(3, 1)] }));
    expect(node.takeSent()).toEqual([]);
    node.completeWrites(1);
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendAccepted', matchIndex: 2, confirmRound: 4 }]);
    node.completeWrites();
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendAccepted', matchIndex: 3 }]);
  });

  it('without entries is answered at once, with what is durable already', () => {
    const node = new LoneNode({ hardState: hardState(1), entries: entriesOfTerms(1) });
    node.autoPersist = false;
    const second = appendRequest({ term: 1, prevLogIndex: 1, prevLogTerm: 1, entries: [commandEntry(2, 1)] });
    node.receive(N2, second);
    node.receive(N2, appendRequest({ term: 1, prevLogIndex: 2, prevLogTerm: 1, confirmRound: 7 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendAccepted', matchIndex: 1, confirmRound: 7 }]);
  });

  it('that comes again is answered again, when its entries are durable', () => {
    const node = new LoneNode({ hardState: hardState(1) });
    node.autoPersist = false;
    const request = appendRequest({ term: 1, entries: entriesOfTerms(1, 1) });
    node.receive(N2, request);
    node.receive(N2, request);
    expect(node.pendingWrites).toHaveLength(1);
    expect(node.takeSent()).toEqual([]);
    node.completeWrites();
    expect(node.takeSentTo(N2)).toMatchObject([{ matchIndex: 2 }, { matchIndex: 2 }]);
  });

  it('that is old and shorter takes nothing away and verifies only its own part (FAILURE-MODES 7)', () => {
    const node = new LoneNode();
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1, 1, 1), leaderCommit: 3 }));
    node.takeSent();
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1) }));
    expect(termsOf(node.log)).toEqual([1, 1, 1]);
    expect(node.takeSentTo(N2)).toMatchObject([{ matchIndex: 1 }]);
    expect(node.status.commitIndex).toBe(3);
  });

  it('commits no further than it has verified (FAILURE-MODES 8)', () => {
    const node = new LoneNode({ entries: entriesOfTerms(1, 2, 2) });
    node.receive(N2, appendRequest({ term: 3, prevLogIndex: 1, prevLogTerm: 1, leaderCommit: 3 }));
    expect(node.status.commitIndex).toBe(1);
    node.receive(N2, appendRequest({ term: 3, prevLogIndex: 3, prevLogTerm: 3, leaderCommit: 3 }));
    expect(node.status.commitIndex).toBe(1);
  });

  it('writes truncation and entries at once, handing on the very array that came', () => {
    const node = new LoneNode({ entries: entriesOfTerms(1, 1, 1) });
    node.autoPersist = false;
    const entries = [commandEntry(2, 2), commandEntry(3, 2)];
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 1, prevLogTerm: 1, entries }));
    expect(node.pendingWrites).toMatchObject([{ truncateFrom: 2, hardState: hardState(2) }]);
    const write = node.pendingWrites[0];
    expect(write?.type === 'persist' && write.entries).toBe(entries);
  });

  it('writes only the new ones of entries that are partly known', () => {
    const node = new LoneNode({ entries: entriesOfTerms(1, 1) });
    node.autoPersist = false;
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1, 1, 1) }));
    expect(node.pendingWrites).toMatchObject([{ truncateFrom: null, entries: [{ index: 3 }] }]);
  });

  it('that contradicts a committed entry is a bug that stops the node', () => {
    const node = new LoneNode();
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1, 1), leaderCommit: 2 }));
    const contradiction = appendRequest({ term: 2, prevLogIndex: 1, prevLogTerm: 1, entries: [commandEntry(2, 2)] });
    expect(() => node.receive(N3, contradiction)).toThrow(InvariantViolation);
  });

  it('of a second leader in one term is a bug that stops the node', () => {
    const follower = new LoneNode();
    follower.receive(N2, appendRequest({ term: 1 }));
    expect(() => follower.receive(N3, appendRequest({ term: 1 }))).toThrow(InvariantViolation);
    const leader = new LoneNode();
    leader.becomeLeader();
    expect(() => leader.receive(N2, appendRequest({ term: 1 }))).toThrow(InvariantViolation);
  });

  it.each([
    { who: 'whose log is shorter', terms: [1, 1], prev: [5, 5], hint: [0, 3] },
    { who: 'whose log is empty', terms: [], prev: [5, 5], hint: [0, 1] },
    { who: 'that has another term there', terms: [1, 2, 2, 2], prev: [3, 3], hint: [2, 2] },
    { who: 'that has another term from the start', terms: [2, 2], prev: [2, 1], hint: [2, 1] },
  ])('is rejected by a follower $who, telling term and start of its conflict', ({ terms, prev, hint }) => {
    const node = new LoneNode({ entries: entriesOfTerms(...terms) });
    const [prevLogIndex = 0, prevLogTerm = 0] = prev;
    node.receive(N2, appendRequest({ term: 6, prevLogIndex, prevLogTerm, confirmRound: 2 }));
    const [conflictTerm, conflictIndex] = hint;
    expect(node.takeSentTo(N2)).toEqual([
      {
        type: 'appendRejected',
        term: 6,
        prevLogIndex,
        conflictTerm,
        conflictIndex,
        lastLogIndex: terms.length,
        confirmRound: 2,
      },
    ]);
    expect(node.status.leaderId).toBe(N2);
  });

  it('from a leader that this node does not know as a member is taken: its membership may be old', () => {
    const stranger = nodeId('stranger');
    const node = new LoneNode();
    node.receive(stranger, appendRequest({ term: 1, entries: entriesOfTerms(1) }));
    expect(node.status).toMatchObject({ leaderId: stranger, lastLogIndex: 1 });
  });

  it.each([
    ['has a gap before its entries', appendRequest({ term: 1, entries: [commandEntry(5, 1)] })],
    ['has a gap among its entries', appendRequest({ term: 1, entries: [commandEntry(1, 1), commandEntry(3, 1)] })],
    ['has an absurd term', appendRequest({ term: Number.MAX_SAFE_INTEGER })],
  ])('is ignored when it %s', (_, message) => {
    const node = new LoneNode();
    node.receive(N2, message);
    expect(node.takeSent()).toEqual([]);
    expect(node.status).toMatchObject({ leaderId: null, lastLogIndex: 0 });
    expect(node.status.currentTerm).toBeLessThanOrEqual(1);
  });

  it('with an absurd place in the log is rejected', () => {
    const node = new LoneNode();
    const absurd = { prevLogIndex: Number.MAX_SAFE_INTEGER - 1, prevLogTerm: 1, leaderCommit: Number.MAX_SAFE_INTEGER };
    node.receive(N2, appendRequest({ term: 1, ...absurd }));
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendRejected', conflictIndex: logIndex(1), term: term(1) }]);
  });
});

describe('the answer to an append', () => {
  it('says whether somebody here waits for commits: yes, until the driver says no', () => {
    const node = new LoneNode();
    node.receive(N2, appendRequest({ term: 1 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ wantsCommitNotice: true }]);
    node.step({ type: 'commitNoticesWanted', wanted: false });
    node.receive(N2, appendRequest({ term: 1 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ wantsCommitNotice: false }]);
  });
});

describe('commit notice at a follower', () => {
  const notice = (change: { prevLogIndex: number; leaderCommit: number; term?: number; prevLogTerm?: number }) =>
    ({
      type: 'commitNotice',
      term: term(change.term ?? 1),
      prevLogIndex: logIndex(change.prevLogIndex),
      prevLogTerm: term(change.prevLogTerm ?? 1),
      leaderCommit: logIndex(change.leaderCommit),
    }) as const;

  it('commits what it names, and is not answered', () => {
    const node = new LoneNode();
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1, 1) }));
    node.takeSent();
    node.receive(N2, notice({ prevLogIndex: 2, leaderCommit: 2 }));
    expect(node.status.commitIndex).toBe(2);
    expect(node.takeSent()).toEqual([]);
  });

  it('commits no further than the entry that it names (FAILURE-MODES 8)', () => {
    const node = new LoneNode({ hardState: hardState(1), entries: entriesOfTerms(1, 1, 1) });
    node.receive(N2, notice({ prevLogIndex: 1, leaderCommit: 3 }));
    expect(node.status.commitIndex).toBe(1);
  });

  it('that names an entry which this log does not have commits nothing', () => {
    const node = new LoneNode({ hardState: hardState(2), entries: entriesOfTerms(1, 1) });
    node.receive(N2, notice({ term: 2, prevLogIndex: 2, prevLogTerm: 2, leaderCommit: 2 }));
    node.receive(N2, notice({ term: 2, prevLogIndex: 3, prevLogTerm: 2, leaderCommit: 3 }));
    expect(node.status.commitIndex).toBe(0);
  });

  it('of a deposed leader is ignored', () => {
    const node = new LoneNode({ hardState: hardState(2), entries: entriesOfTerms(1) });
    node.receive(N2, notice({ term: 1, prevLogIndex: 1, leaderCommit: 1 }));
    expect(node.status.commitIndex).toBe(0);
    expect(node.status.leaderId).toBeNull();
  });
});
