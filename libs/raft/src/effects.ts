import type { HardState } from './hard-state.js';
import type { LogIndex, NodeId, PersistId, ProposalId, ReadId, Term } from './ids.js';
import type { LogEntry } from './log-entry.js';
import type { RaftMessage } from './messages.js';

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

export type ProposalRefusal = 'notLeader' | 'overloaded' | 'tooLarge';

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
  | { readonly type: 'roleChanged'; readonly role: Role; readonly term: Term; readonly leaderId: NodeId | null };
