import { logIndex, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { applied, Disks, entry, grantsVote, leads, N1, N2, N3, turn, watched } from '../test-support/facts.js';
import { BoundedResources } from './bounded-resources.js';
import { CommittedImmutable } from './committed-immutable.js';
import { DurableAcknowledgement } from './durable-acknowledgement.js';
import { DurableQuorum } from './durable-quorum.js';
import { ElectionSafety } from './election-safety.js';
import { FreshReads } from './fresh-reads.js';
import { IndexOrder } from './index-order.js';
import { LeaderAppendOnly } from './leader-append-only.js';
import { LeaderCompleteness } from './leader-completeness.js';
import { LogMatching } from './log-matching.js';
import { MonotoneState } from './monotone-state.js';
import { OwnTermCommit } from './own-term-commit.js';
import { StateMachineSafety } from './state-machine-safety.js';
import { VoteDurability } from './vote-durability.js';

describe('invariants of elections, Raft Figure 3', () => {
  it('election safety: objects to a second leader of a term, not to one of the next', () => {
    const { invariant, reports } = watched((report) => new ElectionSafety(report));
    invariant.roleChanged(leads(N1, 1));
    invariant.roleChanged(leads(N2, 2));
    expect(reports).toEqual([]);
    invariant.roleChanged(leads(N3, 2));
    expect(reports).toEqual(['n2 and n3 both lead in term 2']);
  });

  it('vote durability: objects to a vote that is not on the disk', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new VoteDurability(report, disks.committed));
    disks.vote(N1, 1, N2);
    invariant.sent(grantsVote(N1, N2, term(1)));
    expect(reports).toEqual([]);
    invariant.sent(grantsVote(N1, N3, term(2)));
    expect(reports).toEqual(['n1 sent a voteResponse of term 2 with term 1 on its disk']);
  });

  it('vote durability: objects to a second vote in a term', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new VoteDurability(report, disks.committed));
    disks.vote(N1, 1, N2);
    invariant.sent(grantsVote(N1, N2, term(1)));
    disks.vote(N1, 1, N3);
    invariant.sent(grantsVote(N1, N3, term(1)));
    expect(reports).toEqual(['n1 voted for n2 and for n3 in term 1']);
  });

  it('monotone state: objects to a disk whose term falls, and to one whose vote changes within a term', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new MonotoneState(report));
    for (const fact of [disks.vote(N1, 1, null), disks.vote(N1, 1, N2), disks.vote(N1, 2, null)]) {
      invariant.diskWritten(fact);
    }
    expect(reports).toEqual([]);
    invariant.diskWritten(disks.vote(N1, 1, N2));
    invariant.diskWritten(disks.vote(N1, 1, N3));
    expect(reports).toHaveLength(2);
  });

  it('monotone state: objects to a process that unapplies, not to a restart', () => {
    const { invariant, reports } = watched((report) => new MonotoneState(report));
    invariant.turnEnded(turn(N1, { appliedIndex: logIndex(5) }));
    invariant.turnEnded({ ...turn(N1, { appliedIndex: logIndex(1) }), process: 2 });
    expect(reports).toEqual([]);
    invariant.turnEnded({ ...turn(N1, { appliedIndex: logIndex(0) }), process: 2 });
    expect(reports).toEqual(['n1 had applied up to 1, now 0']);
  });
});

describe('invariants of the log, Raft Figure 3', () => {
  it('leader append-only: objects to a leader whose log shrinks', () => {
    const { invariant, reports } = watched((report) => new LeaderAppendOnly(report));
    invariant.turnEnded(turn(N1, { role: 'leader', lastLogIndex: logIndex(4) }));
    invariant.turnEnded(turn(N1, { role: 'follower', lastLogIndex: logIndex(2) }));
    invariant.turnEnded(turn(N1, { role: 'leader', lastLogIndex: logIndex(3) }));
    expect(reports).toEqual(['leader n1 of term 1 had entries up to 4, now 3']);
  });

  it('log matching: objects to the same entry after different ones', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new LogMatching(report));
    invariant.diskWritten(disks.write(N1, [entry(1, 1), entry(2, 2)]));
    invariant.diskWritten(disks.write(N2, [entry(1, 1), entry(2, 2)]));
    expect(reports).toEqual([]);
    invariant.diskWritten(disks.write(N3, [entry(1, 1, 'other'), entry(2, 2)]));
    expect(reports).not.toEqual([]);
  });

  it('leader completeness: objects to a leader without a committed entry', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new LeaderCompleteness(report, disks.committed));
    for (const node of [N1, N2]) disks.write(node, [entry(1, 1), entry(2, 1)]);
    for (const { index, term } of [entry(1, 1), entry(2, 1)]) disks.committed.commit({ index, term }, term);
    invariant.roleChanged(leads(N2, 2, 3));
    invariant.diskWritten(disks.write(N2, [entry(3, 2)]));
    expect(reports).toEqual([]);
    invariant.roleChanged(leads(N3, 3, 3));
    invariant.diskWritten(disks.write(N3, [entry(1, 1), entry(2, 2), entry(3, 3)]));
    expect(reports).toEqual(['leader n3 of term 3 does not hold what was committed up to 2']);
  });

  it('committed immutable: objects to a disk that loses a committed entry, not to one that loses another', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new CommittedImmutable(report, disks.committed));
    for (const node of [N1, N2]) disks.write(node, [entry(1, 1)]);
    disks.write(N3, [entry(1, 2)]);
    disks.committed.commit(entry(1, 1), term(1));
    invariant.diskWritten(disks.write(N3, [entry(1, 1)]));
    expect(reports).toEqual([]);
    invariant.diskWritten(disks.write(N2, [entry(1, 3)]));
    expect(reports).toEqual(['n2 removed entry 1, which was committed (up to 1)']);
  });

  it('committed immutable: lets a slow disk be told what was decided before, while a quorum does without it', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new CommittedImmutable(report, disks.committed));
    for (const node of [N1, N2, N3]) disks.write(node, [entry(1, 1)]);
    disks.committed.commit(entry(1, 1), term(3));
    invariant.diskWritten(disks.write(N3, [entry(1, 2)]));
    expect(reports).toEqual([]);
    invariant.diskWritten(disks.write(N2, [entry(1, 2)]));
    expect(reports).toEqual(['n2 removed entry 1, which was committed (up to 1)']);
  });

  it('durable quorum: objects to an answer that rests on one disk of three', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new DurableQuorum(report, disks.committed));
    for (const node of [N1, N2]) disks.write(node, [entry(1, 1)]);
    disks.committed.commit(entry(1, 1), term(1));
    invariant.acknowledged({ client: 'c1', index: logIndex(1) });
    expect(reports).toEqual([]);
    disks.write(N1, [entry(2, 1)]);
    disks.committed.commit(entry(2, 1), term(1));
    invariant.applied(applied(2));
    expect(reports).toEqual(['n1 applied entry 2, which is on 1 disks (n1)']);
  });

  it('durable acknowledgement: objects to entries that are not on the disk, or are others there (ABA)', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new DurableAcknowledgement(report, disks.committed));
    const append = (entries: readonly ReturnType<typeof entry>[]) =>
      ({
        type: 'appendRequest',
        term: term(2),
        prevLogIndex: logIndex(0),
        prevLogTerm: term(0),
        leaderCommit: logIndex(0),
        confirmRound: 0,
        entries,
      }) as const;
    const accepted = {
      type: 'appendAccepted',
      term: term(2),
      matchIndex: logIndex(1),
      confirmRound: 0,
      wantsCommitNotice: false,
    } as const;
    const answer = () => invariant.sent({ from: N2, to: N1, message: { type: 'raft', message: accepted } });
    invariant.sent({ from: N1, to: N2, message: { type: 'raft', message: append([entry(1, 2)]) } });
    answer();
    disks.write(N2, [entry(1, 1)]);
    answer();
    expect(reports).toHaveLength(2);
    disks.write(N2, [entry(1, 2)]);
    answer();
    expect(reports).toHaveLength(2);
  });

  it('own-term commit: objects to a leader that counts copies of an older entry, Figure 8', () => {
    const disks = new Disks();
    const { invariant, reports } = watched((report) => new OwnTermCommit(report, disks.committed));
    disks.write(N1, [entry(1, 1), entry(2, 2)]);
    const leader = (commitIndex: number) =>
      turn(N1, { role: 'leader', currentTerm: term(2), commitIndex: logIndex(commitIndex) });
    for (const fact of [leader(0), leader(2)]) invariant.turnEnded(fact);
    expect(reports).toEqual([]);
    const other = watched((report) => new OwnTermCommit(report, disks.committed));
    for (const fact of [leader(0), leader(1)]) other.invariant.turnEnded(fact);
    expect(other.reports).toEqual(['leader n1 of term 2 committed up to entry 1 of term 1']);
  });

  it('fresh reads: objects to a read index below what was applied before', () => {
    const { invariant, reports } = watched((report) => new FreshReads(report));
    invariant.readServed({ node: N1, readIndex: logIndex(5), committedWhenAsked: logIndex(5) });
    expect(reports).toEqual([]);
    invariant.readServed({ node: N1, readIndex: logIndex(4), committedWhenAsked: logIndex(5) });
    expect(reports).toEqual(['n1 read at 4; up to 5 had been applied before it was asked']);
  });

  it('index order: objects to a commit index beyond the log', () => {
    const { invariant, reports } = watched((report) => new IndexOrder(report));
    invariant.turnEnded(turn(N1, { lastApplied: logIndex(1), commitIndex: logIndex(2), lastLogIndex: logIndex(3) }));
    expect(reports).toEqual([]);
    invariant.turnEnded(turn(N1, { commitIndex: logIndex(4), lastLogIndex: logIndex(3) }));
    expect(reports).toEqual(['n1: compacted 0, snapshot 0, applied 0, committed 4, log up to 3']);
  });

  it('state machine safety: objects to another entry, and to another state after the same one', () => {
    const { invariant, reports } = watched((report) => new StateMachineSafety(report));
    invariant.applied(applied(1));
    invariant.applied(applied(1, { node: N2 }));
    expect(reports).toEqual([]);
    invariant.applied(applied(1, { node: N2, command: Uint8Array.of(2) }));
    invariant.applied(applied(1, { node: N3, stateHash: 'other' }));
    expect(reports).toHaveLength(2);
  });

  it('bounded resources: objects to more appends on their way than the window has room for', () => {
    const { invariant, reports } = watched(
      (report) => new BoundedResources(report, { maxInFlightAppends: 2, maxAppendBytes: 100 }),
    );
    const progress = (inFlightAppends: number) => ({
      progress: [
        {
          peer: N2,
          state: 'replicate',
          matchIndex: logIndex(0),
          nextIndex: logIndex(1),
          inFlightAppends,
          recentlyActive: true,
        } as const,
      ],
    });
    invariant.turnEnded(turn(N1, progress(2)));
    expect(reports).toEqual([]);
    invariant.turnEnded(turn(N1, progress(3)));
    expect(reports).toEqual(['3 appends are on their way from n1 to n2']);
  });

  it('bounded resources: objects to an append of more bytes than agreed', () => {
    const { invariant, reports } = watched(
      (report) => new BoundedResources(report, { maxInFlightAppends: 2, maxAppendBytes: 5 }),
    );
    const entries = [entry(1, 1, 'four'), entry(2, 1, 'more')];
    const message = {
      type: 'appendRequest',
      term: term(1),
      prevLogIndex: logIndex(0),
      prevLogTerm: term(0),
      leaderCommit: logIndex(0),
      confirmRound: 0,
      entries,
    } as const;
    invariant.sent({ from: N1, to: N2, message: { type: 'raft', message } });
    expect(reports).toEqual(['n1 sent 8 bytes of entries at once to n2']);
  });
});
