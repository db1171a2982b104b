import type { DriverParts } from './driver-parts.js';
import type { ReplicaOptions } from './replica-api.js';

/** Whether somebody at this node waits for commits: the leader sends notice of them only to those who do. */
export class CommitNotices<Outcome> {
  /** What the core was told last; it begins with true. */
  private areWanted = true;

  constructor(
    private readonly parts: DriverParts<Outcome>,
    private readonly options: Pick<ReplicaOptions<Outcome>, 'awaitsCommits'>,
  ) {}

  /** The core is a new one. */
  begin(): void {
    this.areWanted = true;
  }

  /** What the core must be told now; null when it knows. */
  takeChange(): boolean | null {
    const { own, appliedWaiters } = this.parts;
    const wanted = own.size > 0 || appliedWaiters.size > 0 || (this.options.awaitsCommits?.() ?? true);
    if (wanted === this.areWanted) return null;
    this.areWanted = wanted;
    return wanted;
  }
}
