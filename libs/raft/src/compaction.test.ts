import { describe, expect, it } from 'vitest';
import { MAX_BYTES_HELD_FOR_PEERS, MAX_TRAILING_BYTES } from './compaction.js';
import { logIndex } from './ids.js';
import { InvariantViolation } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRejected,
  appendRequest,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  entriesOfTerms,
  hardState,
  membershipOf,
  N1,
  N2,
  N3,
  position,
  preVoteRequest,
  snapshotAt,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';

const TRAILING = 2;

/** A follower with ten committed entries of terms 1 and 2, and two that are not committed. */
function follower(trailingEntries = TRAILING): LoneNode {
  const node = new LoneNode({ hardState: hardState(2), config: { trailingEntries } });
  const entries = entriesOfTerms(1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2);
  node.receive(N2, appendRequest({ term: 2, entries, leaderCommit: 10 }));
  node.takeSent();
  node.outcomes.length = 0;
  return node;
}

const checkpoint = (node: LoneNode, index: number) => node.step({ type: 'checkpointed', index: logIndex(index) });

describe('a durable checkpoint, Raft §7', () => {
  it('lets the log forget what came before it, but for some trailing entries', () => {
    const node = follower();
    checkpoint(node, 8);
    expect(node.outcomes).toEqual([{ type: 'compactLog', base: position(6, 2) }]);
    expect(node.status).toMatchObject({ snapshotIndex: 8, firstLogIndex: 7, lastLogIndex: 12 });
  });

  it('forgets everything up to itself when no entries are to trail it', () => {
    const node = follower(0);
    checkpoint(node, 10);
    expect(node.outcomes).toEqual([{ type: 'compactLog', base: position(10, 2) }]);
    expect(node.status.firstLogIndex).toBe(11);
  });

  it('forgets nothing while there are no more than the trailing entries', () => {
    const node = follower(20);
    checkpoint(node, 8);
    expect(node.outcomes).toEqual([]);
    expect(node.status).toMatchObject({ snapshotIndex: 8, firstLogIndex: 1 });
  });

  it.each([
    ['is repeated', 8],
    ['was overtaken', 7],
  ])('means nothing when it %s', (_, index) => {
    const node = follower();
    checkpoint(node, 8);
    node.outcomes.length = 0;
    checkpoint(node, index);
    expect(node.outcomes).toEqual([]);
    expect(node.status.snapshotIndex).toBe(8);
  });

  it('of what was never handed out is a bug of the driver', () => {
    expect(() => checkpoint(follower(), 11)).toThrow(InvariantViolation);
  });

  it('takes along the membership that was in force there, not the latest', () => {
    const change: LogEntry = { type: 'membership', ...position(2, 1), membership: membershipOf([N1, N2]) };
    const later: LogEntry = { type: 'membership', ...position(4, 1), membership: membershipOf([N1, N2, N3]) };
    const node = new LoneNode({ config: { trailingEntries: 0 } });
    const entries = [commandEntry(1, 1), change, commandEntry(3, 1), later];
    node.receive(N2, appendRequest({ term: 1, entries, leaderCommit: 4 }));
    checkpoint(node, 3);
    node.becomeLeader();
    node.outcomes.length = 0;
    const { currentTerm, lastLogIndex } = node.status;
    node.receive(N2, appendRejected(currentTerm, { prevLogIndex: lastLogIndex - 1, lastLogIndex: 0 }));
    expect(node.outcomes).toEqual([{ type: 'sendSnapshot', to: N2, snapshot: snapshotAt(3, 1, change.membership) }]);
  });
});

describe('the entries that stay behind a checkpoint', () => {
  const ENTRIES = 10;

  function logOf(entryBytes: number): LoneNode {
    const node = new LoneNode({ config: { trailingEntries: ENTRIES, maxUncommittedBytes: Infinity } });
    node.becomeLeader();
    node.propose(...Array.from({ length: ENTRIES }, () => new Uint8Array(entryBytes)));
    for (const peer of [N2, N3]) node.receive(peer, appendAccepted(1, ENTRIES + 1));
    return node;
  }

  it('are as many as the configuration says while they are small', () => {
    const node = logOf(1);
    checkpoint(node, ENTRIES + 1);
    expect(node.status.firstLogIndex).toBe(2);
  });

  it('are fewer when they are large', () => {
    const node = logOf(MAX_TRAILING_BYTES / 4);
    checkpoint(node, ENTRIES + 1);
    // Four would just fit without what every entry costs besides its data.
    expect(node.status.firstLogIndex).toBe(ENTRIES + 1 - 3 + 1);
  });
});

describe('the log of a leader', () => {
  const ENTRIES = 20;
  const PAYLOAD_BYTES = 1_000;

  /** All entries are committed by N3; N2 has only the first ones. */
  function leaderWithSlowPeer(payloadBytes = PAYLOAD_BYTES): LoneNode {
    const config = { trailingEntries: TRAILING, maxUncommittedBytes: Infinity };
    const node = new LoneNode({ config });
    node.becomeLeader();
    node.propose(...Array.from({ length: ENTRIES - 1 }, () => new Uint8Array(payloadBytes)));
    node.receive(N3, appendAccepted(1, ENTRIES));
    node.receive(N2, appendAccepted(1, 5));
    return node;
  }

  it('keeps what a living peer still needs', () => {
    const node = leaderWithSlowPeer();
    checkpoint(node, ENTRIES);
    expect(node.status.firstLogIndex).toBe(6);
  });

  it('does not wait for a peer that is silent', () => {
    const node = leaderWithSlowPeer();
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.receive(N3, appendAccepted(1, ENTRIES));
    checkpoint(node, ENTRIES);
    expect(node.status.firstLogIndex).toBe(ENTRIES - TRAILING + 1);
  });

  it('does not wait for a peer that is too many bytes behind', () => {
    const node = leaderWithSlowPeer(MAX_BYTES_HELD_FOR_PEERS / 10);
    checkpoint(node, ENTRIES);
    expect(node.status.firstLogIndex).toBe(ENTRIES - TRAILING + 1);
  });
});

describe('a compacted log', () => {
  it('still accepts an append that begins before its base, and acknowledges what that verified', () => {
    const node = follower();
    checkpoint(node, 10);
    const entries = [7, 8, 9, 10, 11, 12, 13].map((index) => commandEntry(index, 2));
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 6, prevLogTerm: 2, entries }));
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendAccepted', matchIndex: 13 }]);
    expect(node.status.lastLogIndex).toBe(13);
  });

  it('accepts an old append of which it holds nothing any more', () => {
    const node = follower(0);
    checkpoint(node, 10);
    const entries = [commandEntry(2, 1), commandEntry(3, 1)];
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 1, prevLogTerm: 1, entries }));
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendAccepted', matchIndex: 3 }]);
    expect(node.status.lastLogIndex).toBe(12);
  });

  it('names its real end in elections, also when it is empty', () => {
    const node = new LoneNode({
      hardState: hardState(2),
      base: position(10, 2),
      snapshot: snapshotAt(10, 2),
      voters: THREE_NODES,
    });
    node.timeout();
    expect(node.sent).toMatchObject([
      { message: { type: 'preVoteRequest', lastLogIndex: 10, lastLogTerm: 2 } },
      { message: { type: 'preVoteRequest', lastLogIndex: 10, lastLogTerm: 2 } },
    ]);
    node.takeSent();
    node.receive(N2, preVoteRequest({ term: 3, lastLogIndex: 9, lastLogTerm: 2 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ voteGranted: false }]);
  });

  it('can be committed to its end by its leader', () => {
    const node = new LoneNode({ voters: [N1], base: position(10, 2), snapshot: snapshotAt(10, 2, membershipOf([N1])) });
    node.timeout();
    expect(node.status).toMatchObject({ role: 'leader', commitIndex: 11 });
    expect(node.applied.map(({ index }) => index)).toEqual([11]);
  });
});

describe('a start from a checkpoint', () => {
  it('goes on after it: what it holds is committed and not handed out again', () => {
    const entries = [5, 6, 7, 8].map((index) => commandEntry(index, 1));
    const node = new LoneNode({ base: position(4, 1), entries, snapshot: snapshotAt(6, 1), hardState: hardState(1) });
    expect(node.status).toMatchObject({ commitIndex: 6, lastApplied: 6, firstLogIndex: 5, snapshotIndex: 6 });
    node.receive(N2, appendRequest({ term: 1, prevLogIndex: 8, prevLogTerm: 1, leaderCommit: 8 }));
    expect(node.applied.map(({ index }) => index)).toEqual([7, 8]);
  });

  it('takes the membership of the checkpoint when the log names none', () => {
    const snapshot = snapshotAt(6, 1, membershipOf([N1, N2], { learners: [N3] }));
    expect(new LoneNode({ base: position(6, 1), snapshot }).status.membership).toEqual(snapshot.membership);
  });

  it.each([
    ['a log that begins after it', { base: position(7, 1), snapshot: snapshotAt(6, 1) }],
    ['a compacted log and none at all', { base: position(7, 1) }],
    ['a log that ends before it', { entries: entriesOfTerms(1, 1), snapshot: snapshotAt(3, 1) }],
  ])('is refused with %s', (_, durable) => {
    expect(() => new LoneNode(durable)).toThrow(InvariantViolation);
  });
});

describe('a cluster that makes checkpoints', () => {
  const CHECKPOINT_EVERY = 10;
  const TRAILING_ENTRIES = 5;
  const ENTRIES = 300;

  it('keeps its logs short on every node (MIT 6.5840 SnapshotBasic)', () => {
    const config = { trailingEntries: TRAILING_ENTRIES };
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 1, config, checkpointEvery: CHECKPOINT_EVERY });
    const leader = cluster.awaitLeader(2_000);
    for (let entry = 0; entry < ENTRIES; entry += 1) {
      cluster.propose(leader);
      cluster.runFor(2);
    }
    cluster.runFor(200);
    for (const node of cluster.all()) {
      expect(node.status?.commitIndex).toBe(ENTRIES + 1);
      expect(node.disk.log.entries.length).toBeLessThan(2 * CHECKPOINT_EVERY + TRAILING_ENTRIES);
      expect(node.installedSnapshots).toBe(0);
    }
  });

  it('loses nothing when all of it crashes again and again (MIT 6.5840 SnapshotAllCrash)', () => {
    const config = { trailingEntries: 0 };
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 2, config, checkpointEvery: CHECKPOINT_EVERY });
    let committed = 0;
    for (let round = 0; round < 5; round += 1) {
      const leader = cluster.awaitLeader(5_000);
      cluster.propose(leader, 2 * CHECKPOINT_EVERY);
      cluster.runFor(50);
      expect(cluster.oracle.committedCount).toBeGreaterThanOrEqual(committed + 2 * CHECKPOINT_EVERY);
      committed = cluster.oracle.committedCount;
      for (const id of THREE_NODES) cluster.crash(id, null);
      for (const id of THREE_NODES) cluster.restart(id);
    }
    cluster.awaitLeader(5_000);
  });
});
