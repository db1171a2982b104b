import { logIndex, term, type LogEntry, type NodeId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { applied, Disks, entry, FIRST_MEMBERSHIP, leads, N1, N2, N3, turn, watched } from '../test-support/facts.js';
import { BoundedResources } from './bounded-resources.js';
import { CheckpointCommitted } from './checkpoint-committed.js';
import { CommittedImmutable } from './committed-immutable.js';
import { DurableAcknowledgement } from './durable-acknowledgement.js';
import { DurableQuorum } from './durable-quorum.js';
import { IndexOrder } from './index-order.js';
import { LeaderCompleteness } from './leader-completeness.js';
import { MonotoneState } from './monotone-state.js';
import { StateMachineSafety } from './state-machine-safety.js';

const LOG: readonly LogEntry[] = [entry(1, 1), entry(2, 1), entry(3, 1), entry(4, 1)];
const MORE_THAN_A_CHUNK = 256 * 1024 + 1;

/** n1 and n2 hold four entries, of which three are committed; n3 holds another one. */
function threeCommitted(): Disks {
  const disks = new Disks();
  for (const node of [N1, N2]) disks.write(node, LOG);
  disks.write(N3, [entry(1, 2)]);
  for (const { index, term: inTerm } of LOG.slice(0, 3)) disks.committed.commit({ index, term: inTerm }, inTerm);
  return disks;
}

const chunk = (snapshotAt: number, byteCount = 1) =>
  ({
    from: N1,
    to: N3,
    message: {
      type: 'snapshotChunk',
      transferId: 1,
      leaderTerm: term(2),
      snapshot: { index: logIndex(snapshotAt), term: term(1), membership: FIRST_MEMBERSHIP },
      sequence: 0,
      data: new Uint8Array(byteCount),
      checksum: 0,
      isLast: true,
    },
  }) as const;

describe('checkpoint committed', () => {
  const judged = () => {
    const disks = threeCommitted();
    return { disks, ...watched((report) => new CheckpointCommitted(report, disks.committed)) };
  };

  it('lets nodes save, drop and install what is committed', () => {
    const { disks, invariant, reports } = judged();
    invariant.checkpointWritten(disks.save(N1, 3));
    invariant.checkpointWritten(disks.compact(N1, 2));
    invariant.checkpointWritten(disks.install(N3, 3));
    expect(reports).toEqual([]);
  });

  it('objects to a checkpoint of what is not committed', () => {
    const { disks, invariant, reports } = judged();
    invariant.checkpointWritten(disks.save(N1, 4));
    expect(reports).toHaveLength(1);
  });

  it('objects to a checkpoint on a log that is another one', () => {
    const { disks, invariant, reports } = judged();
    invariant.checkpointWritten(disks.save(N3, 1, { inTerm: 2 }));
    expect(reports).toHaveLength(1);
  });

  it('objects to a node that counts on a checkpoint that its disk does not have', () => {
    const { disks, invariant, reports } = judged();
    disks.save(N1, 3);
    invariant.turnEnded(turn(N1, { checkpointIndex: logIndex(3) }));
    expect(reports).toEqual([]);
    invariant.turnEnded(turn(N2, { checkpointIndex: logIndex(3) }));
    expect(reports).toHaveLength(1);
  });

  it('objects to a checkpoint that names other members than there were', () => {
    const { disks, invariant, reports } = judged();
    invariant.checkpointWritten(disks.save(N1, 3, { membership: { ...FIRST_MEMBERSHIP, voters: [] } }));
    expect(reports).toHaveLength(1);
  });
});

describe('index order, with checkpoints', () => {
  const order = () => watched((report) => new IndexOrder(report));
  const status = (firstLogIndex: number, snapshotIndex: number, lastApplied: number) =>
    turn(N1, {
      firstLogIndex: logIndex(firstLogIndex),
      snapshotIndex: logIndex(snapshotIndex),
      lastApplied: logIndex(lastApplied),
      commitIndex: logIndex(9),
      lastLogIndex: logIndex(9),
    });

  it('lets a snapshot be ahead of what is applied while it is installed, and not else', () => {
    const { invariant, reports } = order();
    invariant.turnEnded(status(3, 5, 6));
    invariant.turnEnded(status(8, 7, 3));
    expect(reports).toEqual([]);
    invariant.turnEnded(status(3, 7, 6));
    expect(reports).toHaveLength(1);
  });

  it('objects to a log that is dropped beyond the checkpoint, in memory and on the disk (FAILURE-MODES 20)', () => {
    const { invariant, reports } = order();
    invariant.turnEnded(status(7, 5, 9));
    expect(reports).toHaveLength(1);
    const disks = threeCommitted();
    invariant.checkpointWritten(disks.save(N1, 1));
    expect(reports).toHaveLength(1);
    invariant.checkpointWritten(disks.compact(N1, 2));
    expect(reports).toHaveLength(2);
  });

  it('objects to a log that is cut before its checkpoint', () => {
    const { invariant, reports } = order();
    const disks = threeCommitted();
    disks.save(N1, 3);
    invariant.diskWritten(disks.write(N1, [entry(3, 2)]));
    expect(reports).toEqual([]);
    invariant.diskWritten(disks.write(N1, [entry(2, 2)]));
    expect(reports).toHaveLength(1);
  });
});

describe('what snapshots must not undo', () => {
  it('monotone state: objects to a checkpoint or a log that goes back', () => {
    const disks = threeCommitted();
    const { invariant, reports } = watched((report) => new MonotoneState(report));
    invariant.checkpointWritten(disks.save(N1, 3));
    invariant.checkpointWritten(disks.compact(N1, 3));
    expect(reports).toEqual([]);
    invariant.checkpointWritten(disks.install(N1, 2));
    expect(reports).toHaveLength(2);
  });

  it('state machine safety: objects to a restored state that nobody came to', () => {
    const { invariant, reports } = watched((report) => new StateMachineSafety(report));
    invariant.applied(applied(1, { stateHash: 'first' }));
    const restored = (index: number, stateHash: string) =>
      invariant.restored({ node: N2, position: { index: logIndex(index), term: term(1) }, stateHash });
    restored(1, 'first');
    expect(reports).toEqual([]);
    restored(1, 'another');
    restored(2, 'first');
    expect(reports).toHaveLength(2);
  });

  it('committed immutable: objects to an installation that drops a committed tail', () => {
    const disks = threeCommitted();
    const { invariant, reports } = watched((report) => new CommittedImmutable(report, disks.committed));
    invariant.diskWritten(disks.installedLog(N3, 2));
    invariant.diskWritten(disks.installedLog(N1, 2, { keepsTail: true }));
    expect(reports).toEqual([]);
    invariant.diskWritten(disks.installedLog(N2, 2));
    expect(reports).toEqual(['n2 removed entry 3, which was committed (up to 3)']);
  });
});

describe('what a checkpoint holds in the place of entries', () => {
  it('durable quorum: counts, unless it is of another log', () => {
    const disks = threeCommitted();
    const { invariant, reports } = watched((report) => new DurableQuorum(report, disks.committed));
    for (const node of [N1, N2]) {
      disks.save(node, 3);
      disks.compact(node, 3);
    }
    invariant.acknowledged({ client: 'c1', index: logIndex(1) });
    expect(reports).toEqual([]);
    disks.install(N2, 9);
    invariant.acknowledged({ client: 'c1', index: logIndex(1) });
    expect(reports).toEqual(['c1 was told of entry 1, which is on 1 disks (n1)']);
  });

  it('leader completeness: is enough for a leader whose log begins after it', () => {
    const disks = threeCommitted();
    const { invariant, reports } = watched((report) => new LeaderCompleteness(report, disks.committed));
    disks.save(N1, 3);
    disks.compact(N1, 3);
    invariant.roleChanged(leads(N1, 2, 5));
    invariant.diskWritten(disks.write(N1, [entry(5, 2)]));
    expect(reports).toEqual([]);
  });

  it('durable acknowledgement: objects to a snapshot that is acknowledged before it is on the disk', () => {
    const disks = threeCommitted();
    const { invariant, reports } = watched((report) => new DurableAcknowledgement(report, disks.committed));
    const accepted = {
      type: 'appendAccepted',
      term: term(2),
      matchIndex: logIndex(3),
      confirmRound: 0,
      wantsCommitNotice: false,
    } as const;
    const answer = (from: NodeId) => invariant.sent({ from, to: N1, message: { type: 'raft', message: accepted } });
    invariant.sent(chunk(3));
    answer(N3);
    expect(reports).toHaveLength(1);
    disks.install(N3, 3);
    answer(N3);
    expect(reports).toHaveLength(1);
  });

  it('bounded resources: objects to a chunk that would hold up others', () => {
    const limits = { maxInFlightAppends: 1, maxAppendBytes: 1 };
    const { invariant, reports } = watched((report) => new BoundedResources(report, limits));
    invariant.sent(chunk(3));
    expect(reports).toEqual([]);
    invariant.sent(chunk(3, MORE_THAN_A_CHUNK));
    expect(reports).toHaveLength(1);
  });
});
