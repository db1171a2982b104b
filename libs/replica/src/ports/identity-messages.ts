import type { LogIndex, Membership, NodeId, Term } from '@latchkey/raft';
import type { ClaimMark, StoreId } from './identity-store.js';

/** What a node says of its own store; see `PeerRecord` for what others remember of it. */
export type StoreClaim = {
  readonly storeId: StoreId;
  readonly epoch: number;
  /** See `StoreIdentity.claims`: who has seen an earlier one looks for it. */
  readonly claims: readonly ClaimMark[];
  /** The node takes part by this claim: a majority has believed it, if there is anybody else. */
  readonly takesPart: boolean;
  /** Nothing was ever written, nor is known who founded the cluster. */
  readonly isNew: boolean;
  readonly term: Term;
  /** The last durable entry. */
  readonly lastIndex: LogIndex;
  /** Of these, those that no leader of this term replaces: they are still there as long as the term is. */
  readonly keptIndex: LogIndex;
};

/**
 * What a node makes of the claim of another. `replaced`: there was another store before. `behind`: the store has shown more
 * than it does now. `notMember`: the cluster goes on without that node. `noVote`: it is new, the cluster has been founded, and
 * gives it no vote. `unknown`: it is new and has a vote, and no store of it is remembered: it has lost everything, or has never
 * come to take part.
 */
export type StoreVerdict = 'welcome' | 'replaced' | 'behind' | 'notMember' | 'noVote' | 'unknown';

/** A store of one of the first voters, as the answering node remembers it. */
export type FounderStore = {
  readonly node: NodeId;
  readonly storeId: StoreId;
  readonly epoch: number;
  /** See `PeerRecord`. */
  readonly mark: number | null;
};

/** What nodes say about their stores, apart from Raft (FAILURE-MODES 32). */
export type IdentityMessage =
  | { readonly type: 'storeClaim'; readonly claim: StoreClaim; readonly wantsVerdict: boolean }
  | {
      readonly type: 'storeVerdict';
      /** The claim that is answered. */
      readonly storeId: StoreId;
      readonly epoch: number;
      readonly verdict: StoreVerdict;
      /** The answering node has taken part already, so that the cluster has been founded. */
      readonly hasFounded: boolean;
      /** The latest membership that the answering node knows to be committed, or found in its log when it started. */
      readonly membership: Membership;
      /** Where that stands in the log; 0 for the first one. */
      readonly membershipIndex: LogIndex;
      /**
       * For a founder that comes late, who may never have seen some of the others: whose stores they were. Who founds with
       * the word of few can so tell a store that is still new from one that was wiped.
       */
      readonly founderStores: readonly FounderStore[];
    }
  /** Of a node that has lost its history, to the leader: count on nothing that this store held. */
  | {
      readonly type: 'releaseWanted';
      readonly storeId: StoreId;
      readonly epoch: number;
      /** That of the leader's last answer; 0 when there was none. A request that comes late names an old one. */
      readonly ticket: number;
    }
  | {
      readonly type: 'releaseAnswer';
      readonly storeId: StoreId;
      readonly epoch: number;
      readonly ticket: number;
      /** This leader has found the node with a vote. */
      readonly hadVote: boolean;
      /** The node has no vote, and what it held counts for nothing any more: it may begin anew. */
      readonly isReleased: boolean;
      /** Where the latest membership that this leader knows to be committed stands in the log. */
      readonly membershipIndex: LogIndex;
    }
  /** Of a learner, to the leader: it had a vote, and has caught up as far as it knows. */
  | { readonly type: 'voteWanted'; readonly storeId: StoreId }
  /** The leader's answer, once it is so: the node has a vote. */
  | { readonly type: 'voteGiven'; readonly storeId: StoreId };
