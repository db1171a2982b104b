import { describe, expect, it } from 'vitest';
import { MAX_APPLY_ENTRIES } from './commit.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  entriesOfTerms,
  FIVE_NODES,
  N1,
  N2,
  N3,
  termsOf,
} from './test-support/raft-builders.js';

describe('a committed entry', () => {
  it('is applied by a follower when its own disk has it, not before', () => {
    const node = new LoneNode();
    node.autoPersist = false;
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1, 1), leaderCommit: 2 }));
    expect([node.status.commitIndex, node.applied]).toEqual([2, []]);
    node.completeWrites();
    expect(node.applied).toHaveLength(2);
  });

  it('is not taken for durable because another one was at its place', () => {
    const node = new LoneNode({ entries: entriesOfTerms(1, 1) });
    node.autoPersist = false;
    const replaced = appendRequest({
      term: 2,
      prevLogIndex: 1,
      prevLogTerm: 1,
      entries: [commandEntry(2, 2)],
      leaderCommit: 2,
    });
    node.receive(N3, replaced);
    expect(node.applied.map(({ index }) => index)).toEqual([1]);
    node.completeWrites();
    expect(node.applied.map(({ index, term }) => [index, term])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });
});

describe('commit of a leader', () => {
  it('counts its own log only as far as it is durable (FAILURE-MODES 6)', () => {
    const node = new LoneNode();
    node.becomeLeader();
    node.receive(N2, appendAccepted(1, 1));
    node.autoPersist = false;
    node.propose(new Uint8Array(1));
    node.receive(N2, appendAccepted(1, 2));
    expect(node.status.commitIndex).toBe(1);
    node.completeWrites();
    expect(node.status.commitIndex).toBe(2);
  });

  it('does not need its own disk when a majority of others has the entry; the state does', () => {
    const node = new LoneNode();
    node.becomeLeader();
    node.autoPersist = false;
    node.propose(new Uint8Array(1));
    node.receive(N2, appendAccepted(1, 2));
    node.receive(N3, appendAccepted(1, 2));
    expect(node.status.commitIndex).toBe(2);
    expect(node.applied).toHaveLength(1);
    node.completeWrites();
    expect(node.applied).toHaveLength(2);
  });

  it('of a sole voter is its own write, and nothing before', () => {
    const node = new LoneNode({ voters: [N1] });
    node.timeout();
    node.autoPersist = false;
    node.propose(new Uint8Array(1));
    expect(node.status).toMatchObject({ lastLogIndex: 2, commitIndex: 1 });
    node.completeWrites();
    expect(node.status.commitIndex).toBe(2);
  });

  it('goes as far as a majority of five has come, not as far as the fastest', () => {
    const node = new LoneNode({ voters: FIVE_NODES });
    node.becomeLeader();
    for (let entry = 0; entry < 3; entry += 1) node.propose(new Uint8Array(1));
    node.receive(N2, appendAccepted(1, 4));
    node.receive(N3, appendAccepted(1, 2));
    expect(node.status.commitIndex).toBe(2);
  });
});

describe('committed entries', () => {
  it('are handed out once, in order, in bounded pieces', () => {
    const count = 2 * MAX_APPLY_ENTRIES + 1;
    const entries = Array.from({ length: count }, (_, position) => commandEntry(position + 1, 1));
    const node = new LoneNode({ entries });
    const heartbeat = appendRequest({ term: 1, prevLogIndex: count, prevLogTerm: 1, leaderCommit: count });
    const sizes = node
      .receive(N2, heartbeat)
      .flatMap((effect) => (effect.type === 'apply' ? [effect.entries.length] : []));
    expect(sizes).toEqual([MAX_APPLY_ENTRIES, MAX_APPLY_ENTRIES, 1]);
    node.receive(N2, heartbeat);
    expect(node.applied).toEqual(entries);
  });

  it('are handed out anew after a restart, once a leader has said what is committed', () => {
    const node = new LoneNode({ entries: [commandEntry(1, 1), commandEntry(2, 1)] });
    expect(node.status.commitIndex).toBe(0);
    node.becomeLeader();
    node.receive(N3, appendAccepted(node.status.currentTerm, 3));
    expect(termsOf(node.applied)).toEqual([1, 1, 2]);
  });
});
