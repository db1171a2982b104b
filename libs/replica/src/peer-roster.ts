import type { Membership, NodeId } from '@latchkey/raft';
import type { PeerSender } from './peer-sender.js';
import type { Clock } from './ports/clock.js';
import type { PeerAddress, PeerTransport } from './ports/peer-transport.js';

export type PeerRosterOptions = {
  readonly nodeId: NodeId;
  /** By the settings, members or not. */
  readonly configured: readonly NodeId[];
  readonly transport: Pick<PeerTransport, 'setPeers'>;
  readonly sender: PeerSender;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Without a leader for so long, the others are asked who the members are; and again after it. */
  readonly askIntervalMs: number;
  /** How long a node stays connected that is no member by our log: one that was removed, or one we were told of. */
  readonly keepOthersMs: number;
};

type OtherPeer = { readonly peer: PeerAddress; readonly untilMs: number };

/**
 * With whom the transport is connected. Those of the latest membership of the log, committed or not: a learner cannot be
 * sent the entry that adds it before it is connected. Those of the committed one: the latest may be rolled back. And for
 * a while those that were removed: they must be told, or they would campaign for ever (FAILURE-MODES 15).
 *
 * Whoever was away while the members changed may not know the one that leads now, and would refuse its connections for
 * ever. As long as it hears no leader, it asks those it is connected with who the members are by their logs. An answer
 * that is older than what is known here does no harm: it only connects nodes, for a while.
 */
export class PeerRoster {
  private isOpen = false;
  private isStale = true;
  private committedMembership: Membership | null = null;
  private latestMembership: Membership | null = null;
  private present = new Map<NodeId, PeerAddress>();
  /** No members by our log, and until when they are kept. */
  private readonly others = new Map<NodeId, OtherPeer>();
  private leaderId: NodeId | null = null;
  private askAtMs = Infinity;
  private shown = '';
  private knowsMembers = false;

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

  leaderChanged(leaderId: NodeId | null): void {
    this.leaderId = leaderId;
    if (leaderId !== null) this.askAtMs = Infinity;
    else if (this.askAtMs === Infinity) this.askAtMs = this.options.clock.nowMs() + this.options.askIntervalMs;
  }

  /**
   * `asker` hears no leader. Told also by who hears none: the one whose log is furthest may need the vote of a node that
   * does not know it yet, and then nobody can be elected before the two are connected.
   */
  answer(asker: NodeId): void {
    const membership = this.latestMembership;
    if (membership === null || membership.voters.length === 0) return;
    this.options.sender.send(asker, { type: 'members', membership });
  }

  /** What a peer knows of the members; it may be newer than what is known here, or older. */
  told(membership: Membership): void {
    const untilMs = this.options.clock.nowMs() + this.options.keepOthersMs;
    for (const peer of peersOf(membership)) {
      if (peer.id === this.options.nodeId || this.present.has(peer.id)) continue;
      this.others.set(peer.id, { peer, untilMs });
    }
    this.show();
  }

  /** @param latest the latest membership of the log */
  look(latest: Membership, nowMs: number): void {
    this.isStale = false;
    this.latestMembership = latest;
    const before = this.present;
    const memberships = this.committedMembership === null ? [latest] : [this.committedMembership, latest];
    const members = memberships.flatMap(peersOf);
    // A node that has given up its history knows nobody by its log: it stays with those it knew before.
    if (members.length === 0) return;
    this.present = new Map(members.map((peer) => [peer.id, peer]));
    for (const { id } of members) this.others.delete(id);
    this.knowsMembers = true;
    this.present.delete(this.options.nodeId);
    for (const [id, peer] of before) {
      if (!this.present.has(id)) this.others.set(id, { peer, untilMs: nowMs + this.options.keepOthersMs });
    }
    this.show();
  }

  nextDeadlineMs(): number {
    let deadlineMs = this.askAtMs;
    for (const { untilMs } of this.others.values()) deadlineMs = Math.min(deadlineMs, untilMs);
    return deadlineMs;
  }

  expire(nowMs: number): void {
    if (nowMs < this.nextDeadlineMs()) return;
    if (nowMs >= this.askAtMs) this.ask(nowMs);
    for (const [id, { peer, untilMs }] of this.others) {
      if (nowMs < untilMs) continue;
      // Who leads is needed, until the log says that it is a member.
      if (id === this.leaderId) this.others.set(id, { peer, untilMs: nowMs + this.options.keepOthersMs });
      else this.others.delete(id);
    }
    this.show();
  }

  private ask(nowMs: number): void {
    this.askAtMs = nowMs + this.options.askIntervalMs;
    this.lookForConfigured(nowMs);
    for (const id of [...this.present.keys(), ...this.others.keys()]) {
      this.options.sender.send(id, { type: 'membersWanted' });
    }
  }

  /** All members that the log names may have gone. */
  private lookForConfigured(nowMs: number): void {
    const { configured, nodeId, keepOthersMs } = this.options;
    for (const id of configured) {
      if (id === nodeId || this.present.has(id)) continue;
      // An address that we were told may be newer than the settings, as long as somebody says it again.
      if (typeof this.others.get(id)?.peer.address === 'string') continue;
      this.others.set(id, { peer: { id, address: null }, untilMs: nowMs + keepOthersMs });
    }
    this.show();
  }

  /** A new node knows no membership before it is sent one: until then those count that it was configured with. */
  private show(): void {
    if (!this.isOpen || !this.knowsMembers) return;
    const peers = [...this.present.values(), ...[...this.others.values()].map(({ peer }) => peer)];
    peers.sort((one, other) => (one.id < other.id ? -1 : 1));
    const shown = JSON.stringify(peers);
    if (shown === this.shown) return;
    this.shown = shown;
    this.options.transport.setPeers(peers);
  }
}

function peersOf({ voters, votersOutgoing, learners, addresses }: Membership): PeerAddress[] {
  return [...voters, ...votersOutgoing, ...learners].map((id) => ({ id, address: addresses?.[id] ?? null }));
}
