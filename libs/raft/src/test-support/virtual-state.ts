import { logIndex, term } from '../ids.js';
import type { LogEntry } from '../log-entry.js';
import type { Membership } from '../membership.js';
import type { SnapshotMeta } from '../snapshot-meta.js';
import { ensure, nextStateHash } from './raft-oracle.js';

/** A state as a checkpoint holds it, or a snapshot on its way. */
export type StateImage = { readonly meta: SnapshotMeta; readonly stateHash: number };

/** A state machine that remembers nothing but what it has applied. */
export class VirtualState {
  private latest: StateImage;

  constructor(membership: Membership, checkpoint: StateImage | null) {
    this.latest = checkpoint ?? { meta: { index: logIndex(0), term: term(0), membership }, stateHash: 0 };
  }

  get image(): StateImage {
    return this.latest;
  }

  apply(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      const { meta, stateHash } = this.latest;
      ensure(entry.index === meta.index + 1, `entry ${entry.index} applied after ${meta.index}`);
      const membership = entry.type === 'membership' ? entry.membership : meta.membership;
      const after = { index: entry.index, term: entry.term, membership };
      this.latest = { meta: after, stateHash: nextStateHash(stateHash, entry) };
    }
  }

  restore(image: StateImage): void {
    ensure(image.meta.index > this.latest.meta.index, `restored ${image.meta.index} over ${this.latest.meta.index}`);
    this.latest = image;
  }
}
