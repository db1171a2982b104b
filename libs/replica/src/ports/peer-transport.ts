import type { LogIndex, Membership, NodeId, ProposalRefusal, RaftMessage, SnapshotMeta, Term } from '@latchkey/raft';
import type { IdentityMessage } from './identity-messages.js';

/** What replicas say to each other: Raft's own messages, and requests that only the leader can serve. */
export type PeerMessage =
  /** `storeTag`: with a confirmation, whose store it is; see `storeTagOf`. Absent: nobody looks at that. */
  | { readonly type: 'raft'; readonly message: RaftMessage; readonly storeTag?: number }
  /** Proposals taken by a follower, sealed with their origin (see `proposal-envelope.ts`), in order. */
  | {
      readonly type: 'forwardProposals';
      readonly proposals: readonly Uint8Array[];
    }
  /** None of these proposals (numbers of the origin's envelopes) was or will be appended by the answering node. */
  | {
      readonly type: 'proposalsRefused';
      readonly sequences: readonly number[];
      readonly reason: ProposalRefusal;
    }
  /** A question of the application to the leader (lease renewals, remaining times). `requestId` is the asker's. */
  | {
      readonly type: 'leaderRequest';
      readonly requestId: number;
      readonly body: Uint8Array;
    }
  | {
      readonly type: 'leaderResponse';
      readonly requestId: number;
      readonly body: Uint8Array;
    }
  | { readonly type: 'leaderRequestRefused'; readonly requestId: number }
  /** The sender hears no leader: there may be one that it does not know, and is not connected with (see `PeerRoster`). */
  | { readonly type: 'membersWanted' }
  /** The answer: who the members are, by the sender's log. */
  | { readonly type: 'members'; readonly membership: Membership }
  /** About the stores of the nodes, not about what is in them. */
  | { readonly type: 'identity'; readonly message: IdentityMessage }
  /** Of the leader: everybody is to tell the hash of its state right after the entry at `index`, once that is applied there. */
  | { readonly type: 'stateHashWanted'; readonly index: LogIndex }
  /** To everybody; see `StateHashes`. */
  | { readonly type: 'stateHash'; readonly index: LogIndex; readonly hash: string }
  /** Bulk: travels on a connection of its own, so that it delays none of the others (FAILURE-MODES 50). */
  | {
      readonly type: 'snapshotChunk';
      /** Of the sender's choosing; another transfer has another one, also after a restart of the sender. */
      readonly transferId: number;
      readonly leaderTerm: Term;
      readonly snapshot: SnapshotMeta;
      /** 0 for the first chunk. */
      readonly sequence: number;
      /** At most MAX_SNAPSHOT_CHUNK_BYTES of the encoded rows; a row may begin in one chunk and end in another. */
      readonly data: Uint8Array;
      /** CRC-32 of the bytes of all chunks up to this one. */
      readonly checksum: number;
      readonly isLast: boolean;
    }
  /** Bulk. What the receiver of a transfer has. */
  | {
      readonly type: 'snapshotProgress';
      readonly transferId: number;
      /** The chunk that it waits for: those before are taken. */
      readonly nextSequence: number;
      /** `complete`: all of it is installed or no longer needed. `refused`: it will not take this transfer. */
      readonly state: 'receiving' | 'complete' | 'refused';
    };

export type BulkMessage = Extract<PeerMessage, { readonly type: 'snapshotChunk' | 'snapshotProgress' }>;

export type PeerAddress = { readonly id: NodeId; readonly address: string | null };

export interface PeerTransportHandlers {
  /** `from` is the authenticated identity of the connection. */
  onMessage(from: NodeId, message: PeerMessage): void;
  onPeerUp(peer: NodeId): void;
  /** The connection closed. Called at once, and once per loss. */
  onPeerDown(peer: NodeId): void;
}

/**
 * Carries messages between the nodes of one cluster.
 *
 * May drop, repeat, delay and reorder. Must not: alter a message, deliver one to another node or as from another node,
 * keep messages for a peer that is not connected (FAILURE-MODES 49), or grow without limit when a peer is slow.
 */
export interface PeerTransport {
  /** Begins to listen and to connect. Resolves once the own listener is open. */
  start(handlers: PeerTransportHandlers): Promise<void>;
  /** Never blocks, never throws: hands the message on or drops it. The message must not be changed afterwards. */
  send(to: NodeId, message: PeerMessage): void;
  /**
   * Exactly these are the other members from now on: connects to those that are new, leaves those that are not named.
   * A null address means the one that was configured at the start.
   */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Idempotent. */
  close(): Promise<void>;
}
