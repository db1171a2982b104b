import type { HardState } from '../hard-state.js';
import { logIndex, type LogIndex, type NodeId, type Term } from '../ids.js';
import type { LogEntry } from '../log-entry.js';
import type { Membership } from '../membership.js';
import type { LogPosition } from '../snapshot-meta.js';
import type { StoredLog } from './stored-log.js';

type Committed = { readonly entry: LogEntry; readonly seenInTerm: Term; readonly stateHash: number };

/** A promise of the paper (Figure 3) that a run has broken. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** Sees everything that the nodes of one cluster do, and objects when it breaks a promise of Raft's Figure 3. */
export class RaftOracle {
  private readonly leaderOfTerm = new Map<Term, NodeId>();
  private readonly voteOfTerm = new Map<string, NodeId>();
  private readonly committed: Committed[] = [];
  /** By index and term: whoever holds this entry holds the same data and the same entry before it (Log Matching). */
  private readonly known = new Map<string, { readonly entry: LogEntry; readonly previousTerm: number }>();

  get committedCount(): number {
    return this.committed.length;
  }

  /** Whether a quorum of the membership has the entry on disk at this moment; set by the cluster. */
  isOnQuorumOfDisks: (entry: LogEntry, membership: Membership) => boolean = () => true;

  /** Election Safety; Leader Completeness. */
  leads(leader: NodeId, inTerm: Term, log: StoredLog): void {
    const other = this.leaderOfTerm.get(inTerm) ?? leader;
    ensure(other === leader, `${other} and ${leader} both lead in term ${inTerm}`);
    this.leaderOfTerm.set(inTerm, leader);
    for (const { entry, seenInTerm } of this.committed) {
      if (seenInTerm >= inTerm) continue;
      const isCompacted = entry.index < log.base.index;
      const isThere = isCompacted || log.termAt(entry.index) === entry.term;
      ensure(isThere, `leader ${leader} of term ${inTerm} lacks committed entry ${entry.index}`);
    }
  }

  /** One vote per term and terms that never fall, by what is on disk. */
  savedHardState(node: NodeId, before: HardState, after: HardState): void {
    ensure(after.currentTerm >= before.currentTerm, `${node} fell back to term ${after.currentTerm}`);
    if (after.votedFor === null) return;
    const vote = `${node} in term ${after.currentTerm}`;
    const other = this.voteOfTerm.get(vote) ?? after.votedFor;
    ensure(other === after.votedFor, `${vote} voted for ${other} and ${after.votedFor}`);
    this.voteOfTerm.set(vote, after.votedFor);
  }

  /** Log Matching. */
  appended(node: NodeId, entries: readonly LogEntry[], log: StoredLog): void {
    for (const entry of entries) {
      const previousTerm = log.termAt(entry.index - 1) ?? 0;
      const key = `${entry.index}/${entry.term}`;
      const other = this.known.get(key) ?? { entry, previousTerm };
      const isSame = other.previousTerm === previousTerm && isSameEntry(other.entry, entry);
      ensure(isSame, `two entries ${key} differ, the second on ${node}`);
      this.known.set(key, other);
    }
  }

  /**
   * State Machine Safety, and that what is committed is on the disks of a quorum.
   * @param by the term and the membership of the node that applies; the first to apply an entry is its leader
   */
  applied(
    node: NodeId,
    entries: readonly LogEntry[],
    by: { readonly term: Term; readonly membership: Membership },
  ): void {
    for (const entry of entries) {
      const other = this.committed[entry.index - 1];
      if (other === undefined) {
        ensure(entry.index === this.committed.length + 1, `${node} applied ${entry.index} before those below`);
        ensure(
          this.isOnQuorumOfDisks(entry, by.membership),
          `entry ${entry.index} is applied, not on a quorum of disks`,
        );
        const stateHash = nextStateHash(this.committed.at(-1)?.stateHash ?? 0, entry);
        this.committed.push({ entry, seenInTerm: by.term, stateHash });
      } else {
        const isSame = other.entry.term === entry.term && isSameEntry(other.entry, entry);
        ensure(isSame, `${node} applied another entry at ${entry.index}`);
      }
    }
  }

  /** A state, however it came about, is what the committed entries up to its index make of the first one. */
  holdsState(node: NodeId, { index, term }: LogPosition, stateHash: number): void {
    const committed = this.committed[index - 1];
    ensure(committed?.entry.term === term, `${node} holds the state after ${index}/${term}, which was not committed`);
    ensure(committed.stateHash === stateHash, `${node} holds another state at ${index} than was committed`);
  }

  /** Linearizable reads: everything that had been applied anywhere when the read began. */
  completedRead(node: NodeId, readIndex: LogIndex, committedAtStart: number): void {
    ensure(readIndex >= committedAtStart, `${node} read at ${readIndex}, ${committedAtStart} was committed before`);
  }

  lastCommittedIndex(): LogIndex {
    return logIndex(this.committed.length);
  }
}

function isSameEntry(left: LogEntry, right: LogEntry): boolean {
  if (left === right) return true;
  return left.type === right.type && left.type === 'command' && right.type === 'command' && left.data === right.data;
}

/** For what a run must show. @throws BrokenPromise */
export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BrokenPromise(message);
}

/** Of the state after `entry`, given that of the state before it: equal for equal entries in equal order. */
export function nextStateHash(hash: number, entry: LogEntry): number {
  return (Math.imul(hash, 31) + entry.index * 7 + entry.term * 131) | 0;
}
