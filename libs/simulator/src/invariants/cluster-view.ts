import type { LogIndex, NodeId, Term } from '@latchkey/raft';
import type { DiskView } from './invariant.js';

/** What is known of the whole cluster from outside: what several invariants judge by. */
export interface ClusterView {
  readonly disks: ReadonlyMap<NodeId, DiskView>;
  /** Voters that must agree. */
  readonly majority: number;
  /** The last index that any node has applied. */
  readonly committedIndex: LogIndex;
  /** The last index that is known to have been committed in a term before `term`. */
  committedBefore(term: Term): LogIndex;
  /** Chain of a committed entry; null when the index is not committed. */
  committedChainAt(index: number): number | null;
}

/** How many disks hold the log up to `index` just as `chain` says. */
export function disksHolding(view: ClusterView, index: number, chain: number | null): number {
  let count = 0;
  for (const disk of view.disks.values()) if (chain !== null && disk.chainAt(index) === chain) count += 1;
  return count;
}
