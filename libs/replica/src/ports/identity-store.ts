import type { LogIndex, NodeId, Term } from '@latchkey/raft';

/** Names one history of a store: made with it, and made anew when its history is given up. */
export type StoreId = string;

/** `corrupt`: it is not what was written; `diverged`: the state made of it is not that of a majority. */
export type LossReason = 'corrupt' | 'diverged';

/**
 * That a process has claimed a store. `mark` is random, 48 bits: a store that was set back to a copy comes to the same epochs
 * once more, and by other claims.
 */
export type ClaimMark = { readonly epoch: number; readonly mark: number };

/** Who a store says that it is. */
export type StoreIdentity = {
  readonly storeId: StoreId;
  /** Grows with every process that claims the store. */
  readonly epoch: number;
  /**
   * Claims of this history, oldest first, the present one last: the latest `MAX_REMEMBERED_CLAIMS`, and `MAX_KEPT_CLAIMS` of
   * those that were kept.
   */
  readonly claims: readonly ClaimMark[];
  /** Nothing was ever written: no term, no vote, no entry, no checkpoint. */
  readonly isNew: boolean;
  /**
   * The vote of this node was taken, or is about to be, because its history is lost: it asks for it back once it has caught up.
   * What the store remembers of its own node says whether it has it again.
   */
  readonly wantsVoteBack: boolean;
  /**
   * The cluster's first voters, as this node was told when it took part for the first time; null before, and for a node
   * that joined. Empty once a history was given up: this store has founded nothing.
   */
  readonly founders: readonly NodeId[] | null;
  /**
   * The latest place in the log at which, as far as is remembered, a membership gave the node of this history no vote; 0 for
   * one that has founded the cluster. Where the log ends before it, what it says of votes is over.
   */
  readonly joinedIndex: LogIndex;
  /** Why what the store holds is not to be used any more, as a process before has found; null: nobody has. */
  readonly lost: LossReason | null;
  /** What this store remembers of the others. */
  readonly peers: readonly PeerRecord[];
};

/**
 * What one node has seen of the store of another. A store that later shows less has lost something that others may have
 * counted on: it was wiped, or restored from a backup (FAILURE-MODES 32).
 */
export type PeerRecord = {
  readonly node: NodeId;
  readonly storeId: StoreId;
  readonly epoch: number;
  /** Of the claim with that epoch; null when nobody has asked for it: an older Latchkey has written the record. */
  readonly mark: number | null;
  readonly term: Term;
  /** The last entry that it has called durable. */
  readonly lastIndex: LogIndex;
  /** Of the latest membership that this node knew of when it knew that store: one from before does not give it up. */
  readonly knownIndex: LogIndex;
};

/** Of a store whose history before was given up. */
export type NewHistory = {
  readonly storeId: StoreId;
  readonly wantsVoteBack: boolean;
  readonly joinedIndex: LogIndex;
};

/** The identity of one node's store, in the same failure domain as its log. */
export interface IdentityStore {
  /** After `LogStore.load`, also when that has failed as `corrupt`. @throws LogStoreError */
  identify(): Promise<StoreIdentity>;
  /**
   * The node takes part by the claim of this epoch: the latest of these are remembered however often the store is claimed
   * since. Nothing is done for an epoch that is not remembered any more. May overlap all other calls. @throws LogStoreError
   */
  keepClaim(epoch: number): Promise<void>;
  /** Remembers the cluster's first voters; only called while none are remembered. @throws LogStoreError */
  rememberFounders(founders: readonly NodeId[]): Promise<void>;
  /** Remembers `StoreIdentity.joinedIndex`, unless a greater one is. @throws LogStoreError */
  rememberJoined(index: LogIndex): Promise<void>;
  /** Durable when it resolves; a record replaces the one of the same node. May overlap all other calls. @throws LogStoreError */
  rememberPeers(records: readonly PeerRecord[]): Promise<void>;
  /** Forgets what is remembered of these nodes: they have left the cluster. @throws LogStoreError */
  forgetPeers(nodes: readonly NodeId[]): Promise<void>;
  /**
   * What the store holds is not to be used any more, by no process. May overlap all other calls; once more with another
   * reason changes nothing. @throws LogStoreError
   */
  markLost(reason: LossReason): Promise<void>;
  /**
   * Remembers `StoreIdentity.wantsVoteBack`, and forgets what is remembered of this node itself, `node`. @throws LogStoreError
   */
  wantVoteBack(node: NodeId): Promise<void>;
  /**
   * Gives up the history: log, hard state and checkpoint are those of a new store, named `storeId`, whose founders are an
   * empty list, whose claims begin with this one, under a new mark, and which is not marked as lost; all or nothing. What is
   * remembered of others stays. Only called when the cluster no longer counts on what this store held; works on a corrupt
   * store as well. The owner loads again before it goes on. @throws LogStoreError
   */
  startAnew(history: NewHistory): Promise<void>;
}
