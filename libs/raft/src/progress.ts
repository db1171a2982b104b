import { logIndex, type LogIndex, type NodeId } from './ids.js';
import { InFlightWindow, type InFlightLimits } from './in-flight-window.js';
import type { LogPosition } from './snapshot-meta.js';

/**
 * What the leader knows of one peer (Raft Figure 2: nextIndex, matchIndex).
 *
 * `probe`: it is not known where the peer's log meets ours; one append at a time, `nextIndex` moves with the answer.
 * `replicate`: it is known; appends go out without waiting, `nextIndex` moves when they are sent.
 * `snapshot`: it needs entries that are compacted; it is sent none until it has a snapshot, and is asked by heartbeats.
 */
export class Progress {
  state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  /** Durable on the peer. Never falls (FAILURE-MODES 10). */
  matchIndex = logIndex(0);
  nextIndex: LogIndex;
  /** The commit index that the peer can have reached by what was sent to it. */
  commitIndexSent = logIndex(0);
  /** What its last answer said; see `commitNotice`. */
  wantsCommitNotices = true;
  /** The latest confirmation round that the peer has answered. */
  confirmedRound = 0;
  /** When the peer last answered an append of this term. */
  heardAtMs: number;
  /** When the peer was last sent an append; heartbeats fill the gaps only. */
  sentAtMs: number;
  /** Where the snapshot stands that the peer needs; null in the other two states. */
  pendingSnapshot: LogPosition | null = null;
  /** Until when no other snapshot is sent to it: Infinity while the driver sends one. */
  snapshotBusyUntilMs = -Infinity;
  readonly inFlight: InFlightWindow;
  /** Answers to appends of an earlier round are of a store that the peer no longer has; see `peerStoreReplaced`. */
  readonly countsFromRound: number;
  private hasUnansweredProbe = false;

  constructor(
    readonly peer: NodeId,
    start: {
      readonly nextIndex: LogIndex;
      readonly nowMs: number;
      readonly limits: InFlightLimits;
      readonly countsFromRound?: number;
    },
  ) {
    this.nextIndex = start.nextIndex;
    this.countsFromRound = start.countsFromRound ?? 0;
    this.heardAtMs = start.nowMs;
    this.sentAtMs = -Infinity;
    this.inFlight = new InFlightWindow(start.limits);
  }

  get maySendEntries(): boolean {
    if (this.state === 'probe') return !this.hasUnansweredProbe;
    return this.state === 'replicate' && !this.inFlight.isFull;
  }

  sentEntries(append: { readonly lastIndex: LogIndex; readonly sizeBytes: number }): void {
    if (this.state === 'probe') {
      this.hasUnansweredProbe = true;
      return;
    }
    this.inFlight.add(append);
    this.nextIndex = logIndex(append.lastIndex + 1);
  }

  /** Everything up to `matchIndex` is durable on the peer. Gives whether that is news. */
  accepted(matchIndex: LogIndex): boolean {
    const isNews = matchIndex > this.matchIndex;
    if (isNews) this.matchIndex = matchIndex;
    if (this.state === 'probe') {
      this.state = 'replicate';
      this.hasUnansweredProbe = false;
    }
    this.nextIndex = logIndex(Math.max(this.nextIndex, this.matchIndex + 1));
    this.inFlight.release(this.matchIndex);
    return isNews;
  }

  /**
   * Whether a rejection at `prevLogIndex` says something about the peer's log as it is now, and not as it was before an
   * answer that overtook the rejection or was caused by the same gap.
   */
  isCurrentRejection(rejection: { readonly prevLogIndex: LogIndex; readonly lastLogIndex: LogIndex }): boolean {
    const { prevLogIndex, lastLogIndex } = rejection;
    if (prevLogIndex <= this.matchIndex || lastLogIndex < this.matchIndex) return false;
    return this.state === 'probe' ? prevLogIndex === this.nextIndex - 1 : prevLogIndex < this.nextIndex;
  }

  /** Go back to `nextIndex` (never into what is known to match) and ask one at a time where the logs meet. */
  probeFrom(nextIndex: LogIndex): void {
    this.restartFrom('probe', nextIndex);
  }

  /** The entries that the peer needs next are compacted. */
  awaitSnapshot(snapshot: LogPosition): void {
    this.restartFrom('snapshot', logIndex(0));
    this.pendingSnapshot = { index: snapshot.index, term: snapshot.term };
  }

  /** The snapshot did not get there. What the peer needs is looked at again with the next heartbeat, not before. */
  snapshotFailed(): void {
    this.restartFrom('probe', logIndex(0));
    this.hasUnansweredProbe = true;
  }

  /** Everything up to `matchIndex` is there, by this snapshot or another way, and the log holds what comes after. */
  snapshotArrived(): void {
    this.restartFrom('replicate', logIndex(0));
  }

  private restartFrom(state: Progress['state'], nextIndex: LogIndex): void {
    this.state = state;
    this.nextIndex = logIndex(Math.max(nextIndex, this.matchIndex + 1));
    this.pendingSnapshot = null;
    this.snapshotBusyUntilMs = -Infinity;
    this.hasUnansweredProbe = false;
    this.inFlight.clear();
    // What was told beyond this may be lost as well.
    if (this.commitIndexSent > this.matchIndex) this.commitIndexSent = this.matchIndex;
  }
}
