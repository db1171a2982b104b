import type { HardState } from './hard-state.js';
import type { LogIndex, NodeId, PersistId, ProposalId, ReadId, Term } from './ids.js';
import type { LogEntry } from './log-entry.js';
import type { Membership, MembershipRefusal } from './membership.js';
import type { RaftMessage } from './messages.js';
import type { LogPosition, SnapshotMeta } from './snapshot-meta.js';

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** `transferring`: leadership is being handed over; try again at the next leader. */
export type ProposalRefusal = 'notLeader' | 'overloaded' | 'tooLarge' | 'transferring';

/** Why leadership stays where it is. `timedOut`: the target did not take over within an election timeout. */
export type TransferFailure =
  'notLeader' | 'notVoter' | 'noTarget' | 'alreadyTransferring' | 'changePending' | 'timedOut';

/**
 * What the driver must do, in order. Persist effects become durable in the order of their ids and may be merged into
 * one transaction; nothing else may be reordered past a persist it names.
 */
export type Effect =
  /** Write atomically: hard state if given; drop everything from `truncateFrom` on if given; then append `entries`. */
  | {
      readonly type: 'persist';
      readonly persistId: PersistId;
      readonly hardState: HardState | null;
      readonly truncateFrom: LogIndex | null;
      readonly entries: readonly LogEntry[];
    }
  /**
   * Takes the place of the step's `persist`. Write atomically: hard state if given; the snapshot that was reported by
   * `snapshotReceived` becomes the applied state; the log begins after it, without its old entries, and keeps those
   * after it only if `keepsTail`. Entries that follow come in later persists; `apply` goes on after the snapshot.
   */
  | {
      readonly type: 'installSnapshot';
      readonly persistId: PersistId;
      readonly hardState: HardState | null;
      readonly snapshot: SnapshotMeta;
      readonly keepsTail: boolean;
    }
  /** The durable log may drop everything up to and including `base`. When, is the driver's affair. */
  | { readonly type: 'compactLog'; readonly base: LogPosition }
  /** The peer needs entries that are compacted: send it the latest checkpoint, which is at `snapshot` or later. */
  | { readonly type: 'sendSnapshot'; readonly to: NodeId; readonly snapshot: SnapshotMeta }
  /** Send at once, or only after the named persist (and all before it) is durable. May be dropped by the network. */
  | {
      readonly type: 'send';
      readonly to: NodeId;
      readonly message: RaftMessage;
      readonly afterPersist: PersistId | null;
    }
  /** Committed entries, in order, each exactly once per process. */
  | { readonly type: 'apply'; readonly entries: readonly LogEntry[] }
  /** Linearizable once the state machine has applied `readIndex`. */
  | { readonly type: 'completeRead'; readonly readId: ReadId; readonly readIndex: LogIndex }
  /** No answer can come for this attempt (no leader, leadership lost, request lost by time-out). Try anew with a fresh id. */
  | { readonly type: 'failRead'; readonly readId: ReadId }
  /** The leader gave the proposal a place in its log. It is neither durable nor committed yet. */
  | {
      readonly type: 'proposalAppended';
      readonly proposalId: ProposalId;
      readonly index: LogIndex;
      readonly term: Term;
    }
  /** Not in any log and never will be: safe to try again elsewhere. */
  | { readonly type: 'proposalRefused'; readonly proposalId: ProposalId; readonly reason: ProposalRefusal }
  | {
      readonly type: 'membershipChangeAppended';
      readonly proposalId: ProposalId;
      readonly index: LogIndex;
      readonly term: Term;
    }
  | {
      readonly type: 'membershipChangeRefused';
      readonly proposalId: ProposalId;
      readonly reason: MembershipRefusal;
    }
  /** A membership of the log was committed, here or by the snapshot that was installed; joint ones too. */
  | { readonly type: 'membershipCommitted'; readonly index: LogIndex; readonly membership: Membership }
  | { readonly type: 'transferFailed'; readonly reason: TransferFailure }
  /** This node is no member of the cluster any more, and must stop. */
  | { readonly type: 'removed' }
  | { readonly type: 'roleChanged'; readonly role: Role; readonly term: Term; readonly leaderId: NodeId | null };
