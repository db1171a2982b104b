import type { LogIndex, NodeId, PersistId, ProposalId, ReadId } from './ids.js';
import type { RaftMessage } from './messages.js';

export type Proposal = { readonly proposalId: ProposalId; readonly data: Uint8Array };

/** Everything that can happen to a Raft node. One at a time, each with the monotonic time at which it is handled. */
export type Input =
  /** Time has passed. The driver sends one at `nextDeadlineMs()`; more often does no harm. */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly from: NodeId; readonly message: RaftMessage }
  | { readonly type: 'propose'; readonly proposals: readonly Proposal[] }
  /** This persist effect and all before it are durable. */
  | { readonly type: 'persisted'; readonly persistId: PersistId }
  /** The driver's state machine has applied everything up to and including `index`. */
  | { readonly type: 'applied'; readonly index: LogIndex }
  | { readonly type: 'read'; readonly readId: ReadId }
  /**
   * Whether somebody here waits for commits (a watch, a forwarded proposal). True until the driver says otherwise. While
   * false, a follower of an idle leader learns of the last commit up to a heartbeat later, which spares two messages a commit.
   */
  | { readonly type: 'commitNoticesWanted'; readonly wanted: boolean }
  /** The connection to `peer` closed: a hint that it died (ARCHITECTURE §4.8). Safe even when wrong. */
  | { readonly type: 'peerDown'; readonly peer: NodeId }
  | { readonly type: 'peerUp'; readonly peer: NodeId };
