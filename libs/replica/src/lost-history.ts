import type { NodeId } from '@latchkey/raft';
import type { IdentityMessage } from './ports/identity-messages.js';
import type { LossReason, StoreId } from './ports/identity-store.js';

/**
 * Why a node takes part no more with what it held. `replaced`: the others remember another store; `behind`: they have seen more
 * of this one; `corrupt`: it cannot be read; `diverged`: its state is not that of a majority.
 */
export type RejoinReason = 'replaced' | 'behind' | LossReason;

type ReleaseAnswer = Extract<IdentityMessage, { readonly type: 'releaseAnswer' }>;

export type LostStore = { readonly storeId: StoreId; readonly epoch: number };

/**
 * The side of the node that has lost its history: it asks everybody, because it cannot know who leads, until a leader says
 * that nothing is counted on any more. Only then the store is given up: with a majority lost, what is left of it stays.
 */
export class LostHistory {
  /** A leader has found this node with a vote: it is to have it back. */
  hadVote = false;
  private tickets = new Map<NodeId, number>();

  constructor(
    readonly reason: RejoinReason,
    private readonly store: LostStore,
  ) {}

  requestTo(peer: NodeId): IdentityMessage {
    return { type: 'releaseWanted', ...this.store, ticket: this.tickets.get(peer) ?? 0 };
  }

  /** `askAgain`: with the ticket that was given now. */
  answered(from: NodeId, answer: ReleaseAnswer): 'released' | 'askAgain' | 'wait' {
    const { storeId, epoch, ticket, hadVote, isReleased } = answer;
    if (storeId !== this.store.storeId || epoch !== this.store.epoch) return 'wait';
    if (hadVote) this.hadVote = true;
    const isNewTicket = this.tickets.get(from) !== ticket;
    this.tickets.set(from, ticket);
    if (isNewTicket) return 'askAgain';
    return isReleased ? 'released' : 'wait';
  }
}
