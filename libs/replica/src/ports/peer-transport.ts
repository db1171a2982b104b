import type { NodeId, RaftMessage } from '@latchkey/raft';

/** What replicas say to each other: Raft's own messages, and requests that only the leader can serve. */
export type PeerMessage =
  | { readonly type: 'raft'; readonly message: RaftMessage }
  /** Proposals taken by a follower, sealed with their origin (see `proposal-envelope.ts`), in order. */
  | {
      readonly type: 'forwardProposals';
      readonly proposals: readonly Uint8Array[];
    }
  /** None of these proposals (numbers of the origin's envelopes) was or will be appended by the answering node. */
  | {
      readonly type: 'proposalsRefused';
      readonly sequences: readonly number[];
      readonly reason: 'notLeader' | 'overloaded' | 'tooLarge';
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
  | { readonly type: 'leaderRequestRefused'; readonly requestId: number };

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
  close(): Promise<void>;
}
