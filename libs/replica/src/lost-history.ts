import type { NodeId } from '@latchkey/raft';
import type { IdentityMessage } from './ports/identity-messages.js';
import type { IdentityStore, LossReason, StoreIdentity } from './ports/identity-store.js';
import { isRecoverable } from './store-reload.js';
import { wantsItsVoteBack } from './store-standing.js';

/**
 * Why a node takes part no more with what it held. `replaced`: the others remember another store; `behind`: they have seen more
 * of this one; `corrupt`: it cannot be read; `diverged`: its state is not that of a majority.
 */
export type RejoinReason = 'replaced' | 'behind' | LossReason;

type ReleaseAnswer = Extract<IdentityMessage, { readonly type: 'releaseAnswer' }>;

export interface LostHistoryHost {
  send(to: NodeId, message: IdentityMessage): void;
  connectedPeers(): readonly NodeId[];
  warn(message: string, details: Readonly<Record<string, unknown>>): void;
  fail(error: unknown): void;
}

export type LostHistoryOptions = {
  readonly nodeId: NodeId;
  readonly identity: StoreIdentity;
  readonly store: IdentityStore;
  readonly host: LostHistoryHost;
  /** Everybody may be asked once more. */
  readonly onVoteNoted: () => void;
};

/**
 * The side of the node that has lost its history: it asks everybody, because it cannot know who leads, until a leader says
 * that nothing is counted on any more. Only then the store is given up: with a majority lost, what is left of it stays.
 */
export class LostHistory {
  /** This node is to have a vote back; written down. */
  wantsVoteBack: boolean;
  private readonly tickets = new Map<NodeId, number>();
  private noting: Promise<void> | null = null;

  constructor(private readonly options: LostHistoryOptions) {
    this.wantsVoteBack = wantsItsVoteBack(options.identity, options.nodeId);
  }

  askEverybody(): void {
    for (const peer of this.options.host.connectedPeers()) this.ask(peer);
  }

  ask(peer: NodeId): void {
    const { storeId, epoch } = this.options.identity;
    this.options.host.send(peer, { type: 'releaseWanted', storeId, epoch, ticket: this.tickets.get(peer) ?? 0 });
  }

  /** Whether nothing is counted on any more. */
  answered(from: NodeId, { storeId, epoch, ticket, hadVote, isReleased }: ReleaseAnswer): boolean {
    const { identity } = this.options;
    if (storeId !== identity.storeId || epoch !== identity.epoch) return false;
    if (hadVote && !this.wantsVoteBack) this.noteVote();
    // Everybody is asked once more when that is done.
    if (this.noting !== null) return false;
    const isNewTicket = this.tickets.get(from) !== ticket;
    this.tickets.set(from, ticket);
    if (isNewTicket) this.ask(from);
    return !isNewTicket && isReleased;
  }

  /** Resolves when no call to the store is under way. */
  async idle(): Promise<void> {
    await this.noting;
  }

  /**
   * Before the leader takes the vote, which it does when it is asked with its ticket: else nobody would know of it when another
   * one leads, and another process of this node asks.
   */
  private noteVote(): void {
    if (this.noting !== null) return;
    const { store, nodeId, host, onVoteNoted } = this.options;
    this.noting = store.wantVoteBack(nodeId).then(
      () => {
        this.noting = null;
        this.wantsVoteBack = true;
        onVoteNoted();
      },
      (error: unknown) => {
        this.noting = null;
        if (!isRecoverable(error)) return host.fail(error);
        // It is tried again with the next answer.
        host.warn('that the vote is to be had back could not be written down', { error: error.message });
      },
    );
  }
}
