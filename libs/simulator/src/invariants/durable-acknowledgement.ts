import type { Term } from '@latchkey/raft';
import type { ClusterView } from './cluster-view.js';
import type { Invariant, Report, SentFact } from './invariant.js';

/**
 * Who acknowledges entries to a leader has them on its disk, and just those that the leader has.
 * Source: Raft Figure 2 (AppendEntries), FAILURE-MODES 6 and its ABA case.
 */
export class DurableAcknowledgement implements Invariant {
  readonly name = 'durableAcknowledgement';
  /** The term of each entry of a leader's log, as its appends have told, by the leader's term. */
  private readonly told = new Map<Term, Term[]>();

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  sent({ from, message }: SentFact): void {
    if (message.type === 'snapshotChunk') {
      this.termsOf(message.leaderTerm)[message.snapshot.index] = message.snapshot.term;
      return;
    }
    if (message.type !== 'raft') return;
    const raft = message.message;
    if (raft.type === 'appendRequest') {
      const terms = this.termsOf(raft.term);
      terms[raft.prevLogIndex] = raft.prevLogTerm;
      for (const entry of raft.entries) terms[entry.index] = entry.term;
    } else if (raft.type === 'appendAccepted' && raft.matchIndex > 0) {
      const expected = this.told.get(raft.term)?.[raft.matchIndex];
      const disk = this.view.disks.get(from);
      // A disk that has gone on to a later term may have lost the entry since: as if the answer had been long on its way.
      if (disk === undefined || disk.hardState.currentTerm > raft.term) return;
      const isDropped = raft.matchIndex < disk.base.index;
      const durable = isDropped ? this.view.committedTermAt(raft.matchIndex) : disk.termAt(raft.matchIndex);
      if (expected === undefined || durable === expected) return;
      this.report(
        `${from} acknowledged entry ${raft.matchIndex}/${expected} in term ${raft.term}; its disk has ${durable ?? 'nothing'} there`,
      );
    }
  }

  private termsOf(leaderTerm: Term): Term[] {
    let terms = this.told.get(leaderTerm);
    if (terms === undefined) this.told.set(leaderTerm, (terms = []));
    return terms;
  }
}
