import { describe, expect, it } from 'vitest';
import type { Effect } from './effects.js';
import { logIndex, nodeId, persistId, readId, term } from './ids.js';
import type { Input } from './inputs.js';
import { InvariantViolation } from './invariant.js';
import type { RaftMessage } from './messages.js';
import { RaftNode } from './raft-node.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  entriesOfTerms,
  hardState,
  membershipOf,
  N1,
  N2,
  N3,
  preVoteRequest,
  preVoteResponse,
  raftConfig,
  snapshotAt,
  voteRequest,
  voteResponse,
  NO_BASE,
} from './test-support/raft-builders.js';

const typesOf = (effects: readonly Effect[]): string[] => effects.map(({ type }) => type);

describe('start', () => {
  it('is as a follower with term, vote and log from disk, and an election timeout', () => {
    const node = new LoneNode({ hardState: hardState(3, N2), entries: entriesOfTerms(1, 3) });
    expect(node.status).toEqual({
      nodeId: N1,
      role: 'follower',
      currentTerm: 3,
      votedFor: N2,
      leaderId: null,
      commitIndex: 0,
      lastApplied: 0,
      firstLogIndex: 1,
      lastLogIndex: 2,
      snapshotIndex: 0,
      transferTarget: null,
      isDiskStalled: false,
      membership: membershipOf([N1, N2, N3]),
      progress: [],
    });
    expect(node.nextDeadlineMs).toBeGreaterThanOrEqual(ELECTION_TIMEOUT_MS);
  });

  it('takes the membership from the log rather than from the settings', () => {
    const entries = [{ ...commandEntry(1, 1), type: 'membership', membership: membershipOf([N1, N3]) } as const];
    expect(new LoneNode({ entries }).status.membership.voters).toEqual([N1, N3]);
  });

  it.each([
    ['entries that skip an index', [commandEntry(1, 1), commandEntry(3, 1)], 1],
    ['entries that do not begin at 1', [commandEntry(2, 1)], 1],
    ['an entry of a term beyond its own', [commandEntry(1, 2)], 1],
  ])('is refused with %s', (_, entries, currentTerm) => {
    const start = (): RaftNode =>
      new RaftNode(raftConfig(), { hardState: hardState(currentTerm), base: NO_BASE, entries, snapshot: null }, 0);
    expect(start).toThrow(InvariantViolation);
  });

  it('of a sole voter leads at once and commits what it had', () => {
    const node = new LoneNode({ voters: [N1], entries: entriesOfTerms(1, 1) });
    expect(node.nextDeadlineMs).toBe(0);
    node.timeout();
    expect(node.status).toMatchObject({ role: 'leader', currentTerm: 2, leaderId: N1, commitIndex: 3 });
  });
});

describe('effects of a step', () => {
  it('put the one write first, then the change of role, then what rests on them', () => {
    const node = new LoneNode();
    const effects = node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1), leaderCommit: 1 }));
    expect(typesOf(effects)).toEqual(['persist', 'roleChanged', 'send']);
    const [persist, , send] = effects;
    if (persist?.type !== 'persist' || send?.type !== 'send') throw new Error('as checked above');
    expect(send.afterPersist).toBe(persist.persistId);
    expect(persist).toMatchObject({ hardState: hardState(1), entries: [{ index: 1 }] });
  });

  it('tell of role, term and leader only when one of them has changed', () => {
    const node = new LoneNode();
    expect(typesOf(node.receive(N2, appendRequest({ term: 1 })))).toContain('roleChanged');
    expect(typesOf(node.receive(N2, appendRequest({ term: 1 })))).not.toContain('roleChanged');
    node.step({ type: 'peerDown', peer: N2 });
    expect(node.outcomes.at(-1)).toEqual({ type: 'roleChanged', role: 'follower', term: 1, leaderId: null });
  });

  it('hand out hard state as a copy that later steps do not change', () => {
    const node = new LoneNode();
    node.autoPersist = false;
    node.receive(N2, voteRequest({ term: 1 }));
    node.receive(N2, appendRequest({ term: 5 }));
    expect(node.pendingWrites.map((write) => write.hardState)).toEqual([hardState(1, N2), hardState(5)]);
  });

  it('number the writes from 1 on', () => {
    const node = new LoneNode();
    node.autoPersist = false;
    for (const requestTerm of [1, 2, 3]) node.receive(N2, appendRequest({ term: requestTerm }));
    expect(node.pendingWrites.map((write) => write.persistId)).toEqual([1, 2, 3]);
  });
});

describe('inputs', () => {
  it('of time do nothing before a deadline', () => {
    const node = new LoneNode();
    node.nowMs = node.nextDeadlineMs - 0.001;
    expect(node.step({ type: 'tick' })).toEqual([]);
  });

  it('never turn time back', () => {
    const node = new LoneNode();
    node.nowMs = 1_000;
    node.receive(N2, appendRequest({ term: 1 }));
    node.nowMs = 10;
    node.receive(N2, appendRequest({ term: 1 }));
    expect(node.nextDeadlineMs).toBeGreaterThanOrEqual(1_000 + ELECTION_TIMEOUT_MS);
  });

  it('of the state machine are shown as lastApplied and never go back', () => {
    const node = new LoneNode();
    node.step({ type: 'applied', index: logIndex(4) });
    node.step({ type: 'applied', index: logIndex(3) });
    expect(node.status.lastApplied).toBe(4);
  });

  it('that report a write which was never asked for are a bug of the driver', () => {
    expect(() => new LoneNode().step({ type: 'persisted', persistId: persistId(1) })).toThrow(InvariantViolation);
  });

  it.each(['follower', 'preCandidate', 'candidate', 'leader'] as const)(
    'of any kind, stale, early, repeated, from anybody, never crash a %s',
    (role) => {
      for (const message of everyMessage()) {
        for (const from of [N1, N2, nodeId('stranger')]) {
          const node = nodeIn(role);
          node.receive(from, message);
          node.receive(from, message);
          expect(node.status.nodeId).toBe(N1);
        }
      }
    },
  );

  it.each(['follower', 'preCandidate', 'candidate', 'leader'] as const)(
    'about snapshots, stale, early, repeated, of anybody, never crash a %s',
    (role) => {
      for (const input of everySnapshotInput()) {
        const node = nodeIn(role);
        node.step(input);
        node.step(input);
        node.timeout();
        expect(node.status.nodeId).toBe(N1);
      }
    },
  );
});

function nodeIn(role: 'follower' | 'preCandidate' | 'candidate' | 'leader'): LoneNode {
  // In term 3 when it leads, so that there are terms below, equal and above.
  const node = new LoneNode({ hardState: hardState(2), entries: entriesOfTerms(1, 2) });
  if (role === 'preCandidate') node.timeout();
  if (role === 'candidate') node.becomeCandidate();
  if (role === 'leader') node.becomeLeader();
  expect(node.status.role).toBe(role);
  return node;
}

function everySnapshotInput(): Input[] {
  const FAR = 2 ** 40;
  return [N1, N2, nodeId('stranger')].flatMap((peer) => [
    { type: 'snapshotTransferEnded', peer, delivered: true },
    { type: 'snapshotTransferEnded', peer, delivered: false },
    ...[0, 2, 4, FAR, Number.MAX_SAFE_INTEGER].flatMap((leaderTerm) =>
      [0, 1, 2, FAR].map((index): Input => ({
        type: 'snapshotReceived',
        from: peer,
        term: term(leaderTerm),
        snapshot: snapshotAt(index, 1),
      })),
    ),
  ]);
}

function everyMessage(): RaftMessage[] {
  const FAR = 2 ** 40;
  return [0, 2, 4, FAR].flatMap((messageTerm) =>
    [0, 1, 2, FAR].flatMap((index): RaftMessage[] => [
      preVoteRequest({ term: messageTerm, lastLogIndex: index, lastLogTerm: messageTerm }),
      preVoteResponse(messageTerm, index, true),
      voteRequest({ term: messageTerm, lastLogIndex: index, lastLogTerm: messageTerm }),
      voteResponse(messageTerm, true),
      appendRequest({ term: messageTerm, prevLogIndex: index, prevLogTerm: 2, leaderCommit: FAR }),
      appendAccepted(messageTerm, index, index),
      {
        type: 'appendRejected',
        term: term(messageTerm),
        prevLogIndex: logIndex(index),
        conflictTerm: term(index),
        conflictIndex: logIndex(index),
        lastLogIndex: logIndex(FAR),
        confirmRound: index,
      },
      { type: 'readIndexRequest', term: term(messageTerm), readId: readId(index) },
      { type: 'readIndexResponse', term: term(messageTerm), readId: readId(index), readIndex: logIndex(index) },
      { type: 'readIndexRefused', term: term(messageTerm), readId: readId(index) },
    ]),
  );
}
