import type { LogIndex, Term } from './ids.js';
import type { Membership } from './membership.js';

/** One entry of the replicated log. `data` belongs to the driver; Raft never looks inside. */
export type LogEntry =
  | { readonly type: 'noop'; readonly index: LogIndex; readonly term: Term }
  | { readonly type: 'command'; readonly index: LogIndex; readonly term: Term; readonly data: Uint8Array }
  | { readonly type: 'membership'; readonly index: LogIndex; readonly term: Term; readonly membership: Membership };
