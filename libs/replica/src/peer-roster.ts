import type { Membership, NodeId } from '@latchkey/raft';
import type { PeerAddress, PeerTransport } from './ports/peer-transport.js';

export type PeerRosterOptions = {
  readonly nodeId: NodeId;
  readonly transport: Pick<PeerTransport, 'setPeers'>;
  /** How long a member that was removed stays connected. */
  readonly keepRemovedMs: number;
};

/**
 * With whom the transport is connected. Those of the latest membership of the log, committed or not: a learner cannot be
 * sent the entry that adds it before it is connected. Those of the committed one: the latest may be rolled back. And for
 * a while those that were removed: they must be told, or they would campaign for ever (FAILURE-MODES 15).
 */
export class PeerRoster {
  private isOpen = false;
  private isStale = true;
  private committedMembership: Membership | null = null;
  private present = new Map<NodeId, PeerAddress>();
  /** Members that are none any more, and until when they are kept. */
  private readonly removed = new Map<NodeId, { readonly peer: PeerAddress; readonly untilMs: number }>();
  private shown = '';

  constructor(private readonly options: PeerRosterOptions) {}

  get mustLook(): boolean {
    return this.isOpen && this.isStale;
  }

  /** The transport runs from here on. */
  open(): void {
    this.isOpen = true;
    this.isStale = true;
  }

  /** The latest membership of the log may be another one now. */
  logChanged(): void {
    this.isStale = true;
  }

  committed(membership: Membership): void {
    this.committedMembership = membership;
    this.isStale = true;
  }

  /** @param latest the latest membership of the log */
  look(latest: Membership, nowMs: number): void {
    this.isStale = false;
    const before = this.present;
    this.present = new Map<NodeId, PeerAddress>();
    if (this.committedMembership !== null) this.add(this.committedMembership);
    this.add(latest);
    // A new node knows no membership before it is sent one: until then those count that it was configured with.
    if (this.present.size === 0) return;
    this.present.delete(this.options.nodeId);
    for (const [id, peer] of before) {
      if (!this.present.has(id)) this.removed.set(id, { peer, untilMs: nowMs + this.options.keepRemovedMs });
    }
    this.show();
  }

  nextDeadlineMs(): number {
    let deadlineMs = Infinity;
    for (const { untilMs } of this.removed.values()) deadlineMs = Math.min(deadlineMs, untilMs);
    return deadlineMs;
  }

  expire(nowMs: number): void {
    if (this.removed.size === 0) return;
    for (const [id, { untilMs }] of this.removed) if (nowMs >= untilMs) this.removed.delete(id);
    this.show();
  }

  private add({ voters, votersOutgoing, learners, addresses }: Membership): void {
    for (const id of [...voters, ...votersOutgoing, ...learners]) {
      this.present.set(id, { id, address: addresses?.[id] ?? null });
      this.removed.delete(id);
    }
  }

  private show(): void {
    const peers = [...this.present.values(), ...[...this.removed.values()].map(({ peer }) => peer)];
    peers.sort((one, other) => (one.id < other.id ? -1 : 1));
    const shown = JSON.stringify(peers);
    if (!this.isOpen || shown === this.shown) return;
    this.shown = shown;
    this.options.transport.setPeers(peers);
  }
}
