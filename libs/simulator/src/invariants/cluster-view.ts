import type { LogIndex, Membership, NodeId, Term } from '@latchkey/raft';
import type { DiskView } from './invariant.js';

/** A membership and the entry that brought it; 0 for the cluster's first one. */
export type MembershipEntry = { readonly index: LogIndex; readonly membership: Membership };

/** What is known of the whole cluster from outside: what several invariants judge by. */
export interface ClusterView {
  readonly disks: ReadonlyMap<NodeId, DiskView>;
  /** The last index that any node has applied. */
  readonly committedIndex: LogIndex;
  /** Every membership that was committed, in order, the first one included. */
  readonly memberships: readonly MembershipEntry[];
  /** The last index that is known to have been committed in a term before `term`. */
  committedBefore(term: Term): LogIndex;
  /** Chain of a committed entry; null when the index is not committed. */
  committedChainAt(index: number): number | null;
  committedTermAt(index: number): Term | null;
}

/** The membership in force at that place of the log. */
export function membershipAt({ memberships }: ClusterView, index: number): MembershipEntry {
  const entry = memberships.findLast((candidate) => candidate.index <= index);
  if (entry === undefined) throw new RangeError(`no membership at ${index}`);
  return entry;
}

/** Whether the disk holds the committed log up to `index`: as entries, or in a checkpoint that its log follows on. */
export function holds(view: ClusterView, disk: DiskView, index: number): boolean {
  const { base } = disk;
  const place = Math.max(index, base.index);
  const chain = view.committedChainAt(place);
  return chain !== null && disk.chainAt(place) === chain;
}
