import type { LogIndex, ReadId, Term } from './ids.js';
import type { LogEntry } from './log-entry.js';

/**
 * What nodes say to each other. The sender is taken from the authenticated connection, never from the message.
 * The network may drop, repeat, delay and reorder all of them.
 */
export type RaftMessage =
  /** Would you vote for me in `term`? `term` is one above the sender's; nobody adopts it (Raft thesis §9.6). */
  | {
      readonly type: 'preVoteRequest';
      readonly term: Term;
      readonly lastLogIndex: LogIndex;
      readonly lastLogTerm: Term;
    }
  /** `requestTerm` names the request; `term` is the responder's current term. */
  | { readonly type: 'preVoteResponse'; readonly term: Term; readonly requestTerm: Term; readonly voteGranted: boolean }
  /** `leadershipTransfer` lets the request pass leader stickiness (Raft thesis §3.10). */
  | {
      readonly type: 'voteRequest';
      readonly term: Term;
      readonly lastLogIndex: LogIndex;
      readonly lastLogTerm: Term;
      readonly leadershipTransfer: boolean;
    }
  | { readonly type: 'voteResponse'; readonly term: Term; readonly voteGranted: boolean }
  /** Entries, or a heartbeat when `entries` is empty. `confirmRound` is echoed, to prove leadership after a read began. */
  | {
      readonly type: 'appendRequest';
      readonly term: Term;
      readonly prevLogIndex: LogIndex;
      readonly prevLogTerm: Term;
      readonly leaderCommit: LogIndex;
      readonly confirmRound: number;
      readonly entries: readonly LogEntry[];
    }
  /**
   * The commit index alone, for a peer that wants to know it at once and to which no entries are on the way. Never answered: one that is lost is made good
   * by the next append or heartbeat. The peer goes no further than the entry named here, if it has just that one.
   */
  | {
      readonly type: 'commitNotice';
      readonly term: Term;
      readonly prevLogIndex: LogIndex;
      readonly prevLogTerm: Term;
      readonly leaderCommit: LogIndex;
    }
  /** `matchIndex`: the last index that this very request verified, durable on the responder. */
  | {
      readonly type: 'appendAccepted';
      readonly term: Term;
      readonly matchIndex: LogIndex;
      readonly confirmRound: number;
      /** Somebody at the responder waits for what is being committed; else it may learn with the next append or heartbeat. */
      readonly wantsCommitNotice: boolean;
    }
  /**
   * The entry at `prevLogIndex` is missing or differs. `conflictTerm` is the responder's term there (0 when its log is
   * shorter) and `conflictIndex` the first index the responder holds of that term (or its last index + 1 when shorter),
   * so that the leader skips a whole term per round trip (Raft §5.3, last paragraphs).
   */
  | {
      readonly type: 'appendRejected';
      readonly term: Term;
      readonly prevLogIndex: LogIndex;
      readonly conflictTerm: Term;
      readonly conflictIndex: LogIndex;
      readonly lastLogIndex: LogIndex;
      readonly confirmRound: number;
    }
  /** The leader hands over: campaign at once, whatever the timer says (Raft thesis §3.10). */
  | { readonly type: 'timeoutNow'; readonly term: Term }
  /** The leader's committed membership, which stands at `membershipIndex`, does not contain the receiver. */
  | { readonly type: 'removedNotice'; readonly term: Term; readonly membershipIndex: LogIndex }
  /** A follower asks the leader for a read index on behalf of its own readers. */
  | { readonly type: 'readIndexRequest'; readonly term: Term; readonly readId: ReadId }
  | { readonly type: 'readIndexResponse'; readonly term: Term; readonly readId: ReadId; readonly readIndex: LogIndex }
  /** The asked node does not lead (or lost leadership meanwhile); the attempt is over, a new one needs a new id. */
  | { readonly type: 'readIndexRefused'; readonly term: Term; readonly readId: ReadId };
