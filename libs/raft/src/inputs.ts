import type { LogIndex, NodeId, PersistId, ProposalId, ReadId, Term } from './ids.js';
import type { MembershipChange } from './membership.js';
import type { RaftMessage } from './messages.js';
import type { SnapshotMeta } from './snapshot-meta.js';

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
  | { readonly type: 'peerUp'; readonly peer: NodeId }
  /**
   * The driver's state through `index` is durable outside of the log: the log may be compacted up to there, less the
   * trailing entries, and slow peers may be sent that state.
   */
  | { readonly type: 'checkpointed'; readonly index: LogIndex }
  /** A whole, verified snapshot came from a node that led in `term`. It waits at the driver for `installSnapshot`. */
  | { readonly type: 'snapshotReceived'; readonly from: NodeId; readonly term: Term; readonly snapshot: SnapshotMeta }
  /**
   * The store of `peer`, which has no vote, is another one than before: whatever it has answered so far, also what is still
   * on its way, was said of a store that is gone (FAILURE-MODES 32). Changes nothing unless this node leads.
   */
  | { readonly type: 'peerStoreReplaced'; readonly peer: NodeId }
  /** What `sendSnapshot` began is over. `delivered`: the peer has confirmed that it holds all of it. */
  | { readonly type: 'snapshotTransferEnded'; readonly peer: NodeId; readonly delivered: boolean }
  /** Answered by `membershipChangeAppended` or `membershipChangeRefused`; done with `membershipCommitted`. */
  | { readonly type: 'changeMembership'; readonly proposalId: ProposalId; readonly change: MembershipChange }
  /** Hand leadership to `to`, or (null) to the voter that is furthest. Ends in `roleChanged` or `transferFailed`. */
  | { readonly type: 'transferLeadership'; readonly to: NodeId | null };
