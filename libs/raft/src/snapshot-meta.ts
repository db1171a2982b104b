import type { LogIndex, Term } from './ids.js';
import type { Membership } from './membership.js';

/** A place in the log, named so that two nodes can tell whether they hold the same entry there. */
export type LogPosition = { readonly index: LogIndex; readonly term: Term };

/** Where a snapshot of the applied state stands in the log, and who took part there (Raft §7). */
export type SnapshotMeta = LogPosition & {
  /** The latest membership at or before `index`. */
  readonly membership: Membership;
};
