import type { DriverParts } from './driver-parts.js';
import type { LeaderView } from './leader-view.js';
import type { ReplicaObserver } from './ports/observer.js';

/** Who leads, as the core said last, and who must hear when that changes. */
export class Leadership<Outcome> {
  private current: LeaderView | null = null;
  private isAnnounced = false;

  constructor(
    private readonly parts: DriverParts<Outcome>,
    private readonly observer: ReplicaObserver,
  ) {}

  /** Null before the core was built for the first time. */
  get view(): LeaderView | null {
    return this.current;
  }

  /** What the core knows when it begins: nobody hears of it. */
  begin(view: LeaderView): void {
    this.current = view;
    this.parts.roster.leaderChanged(view.leaderId);
  }

  changed(view: LeaderView): void {
    this.current = view;
    this.isAnnounced = false;
    const { applier, own, forwarded, reads, leaderRequests, membership, transfers, snapshots, roster, stateHashes } =
      this.parts;
    // They were meant for the leadership that has just ended.
    forwarded.refuseGathered();
    if (view.role === 'leader') forwarded.leads(view.term);
    own.leaderChanged(view, applier.committedIndex);
    reads.leaderChanged(view);
    leaderRequests.leaderChanged(view);
    membership.leaderChanged(view);
    transfers.leaderChanged(view);
    snapshots.leaderChanged(view);
    roster.leaderChanged(view.leaderId);
    stateHashes.leaderChanged(view);
    this.observer.roleChanged?.(view);
  }

  /** Entries were applied. Only a leader's own entries have its term, and the first of them is its no-op. */
  applied(): void {
    const view = this.current;
    this.parts.own.termApplied(this.parts.applier.appliedTerm);
    if (view === null || this.isAnnounced) return;
    if (view.role !== 'leader' || this.parts.applier.appliedTerm !== view.term) return;
    this.isAnnounced = true;
    this.observer.leadershipReady?.(view.term);
  }
}
