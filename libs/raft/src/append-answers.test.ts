import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextIndexAfterRejection } from './append-answers.js';
import { logIndex, term } from './ids.js';
import type { RaftMessage } from './messages.js';
import { RaftLog } from './raft-log.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  entriesOfTerms,
  FIVE_NODES,
  hardState,
  HEARTBEAT_INTERVAL_MS,
  membershipOf,
  N1,
  N2,
  N3,
  N5,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';

type Rejected = Extract<RaftMessage, { type: 'appendRejected' }>;

const logOf = (terms: readonly number[]): RaftLog =>
  new RaftLog({ index: logIndex(0), term: term(0) }, membershipOf([N1]), entriesOfTerms(...terms));

/** What a real follower with this log answers to an append after `prevLogIndex` of the leader's log. */
function rejectionBy(
  followerTerms: readonly number[],
  leaderTerms: readonly number[],
  prevLogIndex: number,
): Rejected | null {
  const follower = new LoneNode({ entries: entriesOfTerms(...followerTerms) });
  const leaderTerm = Math.max(0, ...followerTerms, ...leaderTerms) + 1;
  follower.receive(
    N2,
    appendRequest({ term: leaderTerm, prevLogIndex, prevLogTerm: leaderTerms[prevLogIndex - 1] ?? 0 }),
  );
  const answer = follower.takeSentTo(N2)[0];
  return answer?.type === 'appendRejected' ? answer : null;
}

function leaderOfThree(): LoneNode {
  const node = new LoneNode();
  node.becomeLeader();
  node.receive(N2, appendAccepted(1, 1));
  node.receive(N3, appendAccepted(1, 1));
  node.takeSent();
  return node;
}

describe('going back after a rejection, Raft §5.3', () => {
  it.each([
    { goes: 'to the end of a shorter log', leader: [1, 1, 1, 1], follower: [1, 1], to: 3 },
    { goes: 'over a term that the leader never saw', leader: [1, 1, 4, 4, 4], follower: [1, 1, 2, 2, 2], to: 3 },
    { goes: 'to the last entry of a term that both have', leader: [1, 2, 2, 5, 5], follower: [1, 2, 2, 2, 2], to: 4 },
    { goes: 'over a term that the follower never saw', leader: [1, 3, 3, 3], follower: [1, 2, 2, 2], to: 2 },
    { goes: 'over terms of both sides', leader: [1, 3, 3, 6, 6, 6], follower: [1, 2, 2, 4, 4, 5], to: 4 },
    { goes: 'to the start, when nothing is shared', leader: [2, 2, 2], follower: [1, 1, 1], to: 1 },
  ])('goes $goes', ({ leader, follower, to }) => {
    const rejection = rejectionBy(follower, leader, leader.length);
    expect(rejection).not.toBeNull();
    if (rejection !== null) expect(nextIndexAfterRejection(logOf(leader), rejection)).toBe(to);
  });

  it('always goes back, never behind where the logs part, and at most twice per term', () => {
    // Both logs come from a common prefix, as Log Matching demands, and then differ in every entry.
    const rising = fc.array(fc.nat(2), { maxLength: 12 });
    fc.assert(
      fc.property(rising, rising, rising, (prefix, leaderSteps, followerSteps) => {
        const grow = (start: number, steps: readonly number[], factor: number): number[] => {
          let last = start;
          return steps.map((step) => (last += step * factor));
        };
        const common = grow(1, prefix, 1);
        const start = (common.at(-1) ?? 1) + 1;
        // Even terms on one side, odd on the other: no entry is shared by chance.
        const even = start + (start % 2);
        const leaderTerms = [...common, ...grow(even, leaderSteps, 2)];
        const followerTerms = [...common, ...grow(even + 1, followerSteps, 2)];
        let next = leaderTerms.length + 1;
        let rounds = 0;
        for (;;) {
          const rejection = rejectionBy(followerTerms, leaderTerms, next - 1);
          if (rejection === null) break;
          const back = nextIndexAfterRejection(logOf(leaderTerms), rejection);
          expect(back).toBeLessThan(next);
          // A follower that has less than the common part is asked for what it has.
          expect(back).toBeGreaterThan(Math.min(common.length, followerTerms.length));
          next = back;
          rounds += 1;
        }
        const terms = new Set([...leaderTerms, ...followerTerms].filter((value) => value > (common.at(-1) ?? 0)));
        expect(rounds).toBeLessThanOrEqual(2 * terms.size + 1);
      }),
    );
  });

  it('goes back at least one entry whatever the answer says', () => {
    const small = fc.nat(8);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), small, small, small, (prev, conflictTerm, conflictIndex, last) => {
        const lie = { ...rejected({ prevLogIndex: prev, lastLogIndex: last }), conflictTerm: term(conflictTerm) };
        const next = nextIndexAfterRejection(logOf([1, 1, 3, 3, 5]), {
          ...lie,
          conflictIndex: logIndex(conflictIndex),
        });
        expect(next).toBeGreaterThanOrEqual(1);
        expect(next).toBeLessThanOrEqual(prev);
      }),
    );
  });

  it('is done by the leader at once, sending from where the logs may meet', () => {
    const leader = new LoneNode({ entries: entriesOfTerms(1, 1, 4, 4, 4), hardState: hardState(4) });
    leader.becomeLeader();
    leader.takeSent();
    const rejection = rejectionBy([1, 1, 2, 2, 2], [1, 1, 4, 4, 4], 5);
    if (rejection !== null) leader.receive(N2, { ...rejection, term: leader.status.currentTerm });
    expect(leader.takeSentTo(N2)).toMatchObject([{ type: 'appendRequest', prevLogIndex: 2, entries: { length: 4 } }]);
  });
});

describe('answers that are late, repeated or reordered (FAILURE-MODES 10)', () => {
  it('never move matchIndex back', () => {
    const node = leaderOfThree();
    for (let entry = 0; entry < 3; entry += 1) node.propose(new Uint8Array(1));
    node.receive(N2, appendAccepted(1, 4));
    node.receive(N2, appendAccepted(1, 2));
    expect(node.status).toMatchObject({ commitIndex: 4, progress: [{ peer: N2, matchIndex: 4, nextIndex: 5 }, {}] });
  });

  it('do no harm as rejections at or below matchIndex', () => {
    const node = leaderOfThree();
    node.propose(new Uint8Array(1));
    node.receive(N2, appendAccepted(1, 2));
    node.takeSent();
    node.receive(N2, rejected({ prevLogIndex: 1, lastLogIndex: 0 }));
    node.receive(N2, rejected({ prevLogIndex: 2, lastLogIndex: 0 }));
    expect(node.takeSent()).toEqual([]);
    expect(node.status.progress[0]).toMatchObject({ state: 'replicate', matchIndex: 2, nextIndex: 3 });
  });

  it('cause one resend when one lost append makes several be rejected', () => {
    const node = leaderOfThree();
    for (let entry = 0; entry < 4; entry += 1) node.propose(new Uint8Array(1));
    node.takeSent();
    for (const prevLogIndex of [2, 3, 4]) node.receive(N2, rejected({ prevLogIndex, lastLogIndex: 1 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ prevLogIndex: 1, entries: { length: 4 } }]);
  });

  it('of an earlier term of the same leader count for nothing', () => {
    const node = new LoneNode({ hardState: hardState(1) });
    node.becomeLeader();
    node.receive(N2, appendAccepted(1, 1));
    expect(node.status).toMatchObject({ currentTerm: 2, commitIndex: 0, progress: [{ matchIndex: 0 }, {}] });
  });

  it('that are absurd, or come from a stranger, count for nothing', () => {
    const node = leaderOfThree();
    node.propose(new Uint8Array(1));
    node.receive(N2, appendAccepted(1, 1_000));
    node.receive(N5, appendAccepted(1, 2));
    node.receive(N1, appendAccepted(1, 2));
    expect(node.status).toMatchObject({ commitIndex: 1, progress: [{ matchIndex: 1 }, { matchIndex: 1 }] });
  });
});

describe('a follower that fell behind', () => {
  it('is recovered by a heartbeat when appends to it were lost', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 4 });
    const leader = cluster.awaitLeader(2_000);
    const lagging = cluster.all().find((node) => node !== leader);
    cluster.partition([lagging?.id ?? N1]);
    cluster.propose(leader, 50);
    cluster.runFor(20);
    cluster.heal();
    cluster.runFor(2 * HEARTBEAT_INTERVAL_MS);
    expect(lagging?.status?.commitIndex).toBe(51);
  });

  it('with 50 uncommitted entries of its own per term is brought back in few rounds (MIT 6.5840 Backup)', () => {
    const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed: 8, config: { maxAppendBytes: 100_000 } });
    for (let round = 0; round < 2; round += 1) {
      const old = cluster.awaitLeader(3_000);
      const friend = cluster.all().find((node) => node !== old);
      cluster.partition([old.id, friend?.id ?? N1]);
      cluster.propose(old, 50);
      cluster.runFor(1_000);
      cluster.propose(cluster.awaitLeader(3_000), 50);
      cluster.runFor(100);
      cluster.heal();
    }
    let rejections = 0;
    cluster.onMessage = (_from, _to, { type }) => {
      if (type === 'appendRejected') rejections += 1;
    };
    cluster.runFor(1_500);
    expect(new Set(cluster.all().map((node) => node.status?.commitIndex)).size).toBe(1);
    expect(rejections).toBeLessThanOrEqual(20);
  });
});

function rejected(parts: { readonly prevLogIndex: number; readonly lastLogIndex: number }): Rejected {
  return {
    type: 'appendRejected',
    term: term(1),
    prevLogIndex: logIndex(parts.prevLogIndex),
    conflictTerm: term(0),
    conflictIndex: logIndex(parts.lastLogIndex + 1),
    lastLogIndex: logIndex(parts.lastLogIndex),
    confirmRound: 0,
  };
}
