import { LeaseClient, remainingMsOf } from '@latchkey/lessor';
import type { NodeId } from '@latchkey/raft';
import type { Replica } from '@latchkey/replica';
import { encodeCommandBatch, type ApplyResult } from '@latchkey/state-machine';
import type { AppliedOutcome } from '../node/observed-state-machine.js';
import { GatewayConnection, type ClientLink, type GatewayParts } from './gateway-connection.js';
import { placeKey, type WaitingAcquire } from './waiting-acquire.js';
import type { WatchFeed } from './watch-feed.js';

export type NodeGatewayParts = Pick<GatewayParts, 'clock' | 'reader' | 'readRows' | 'valueMissing' | 'acknowledged'> & {
  readonly nodeId: NodeId;
  readonly replica: () => Replica<AppliedOutcome>;
};

/** A connection as its node must tell its end when the process is gone. */
export type GatewayLink = ClientLink & {
  /** @param peersLearn whether the client is told at once */
  readonly nodeGone: (peersLearn: boolean) => void;
};

/** The part of a process that serves clients. */
export class NodeGateway {
  readonly leases: LeaseClient;
  private readonly links = new Set<GatewayLink>();
  private readonly waiting = new Map<string, Set<WaitingAcquire>>();
  private readonly feeds = new Set<WatchFeed>();
  private isPumpScheduled = false;

  constructor(private readonly parts: NodeGatewayParts) {
    const { clock, replica } = parts;
    this.leases = new LeaseClient({ clock, askLeader: (body) => replica().askLeader(body) });
  }

  /** Whether somebody here waits for whatever is committed. */
  get awaitsCommits(): boolean {
    return this.waiting.size > 0 || this.feeds.size > 0;
  }

  connect(link: GatewayLink): GatewayConnection {
    const { clock, reader, replica } = this.parts;
    this.links.add(link);
    link.announce([this.parts.nodeId, replica().status().leaderId]);
    const acquires = {
      clock,
      reader,
      waits: (acquire: WaitingAcquire) => this.waits(acquire),
      ended: (acquire: WaitingAcquire) => this.ended(acquire),
      propose: async (command: Parameters<typeof encodeCommandBatch>[0]['commands'][number]) =>
        (await replica().propose(encodeCommandBatch({ origin: { type: 'none' }, commands: [command] }))).result
          .outcomes[0],
      remainingMs: (leaseId: Parameters<LeaseClient['askRemaining']>[0]) => remainingMsOf(this.leases, leaseId),
    };
    const { leases, feeds } = this;
    return new GatewayConnection({ ...this.parts, replica: replica(), leases, acquires, feeds }, link);
  }

  disconnected(link: GatewayLink): void {
    this.links.delete(link);
  }

  /** Clients may want to go to the new one. */
  leaderChanged(leaderId: NodeId | null): void {
    for (const link of this.links) link.announce([this.parts.nodeId, leaderId]);
  }

  /** The process has ended. */
  crashed(peersLearn: boolean): void {
    for (const link of this.links) link.nodeGone(peersLearn);
    this.links.clear();
  }

  /** To be called with every applied entry. */
  applied(result: ApplyResult): void {
    this.leases.applied(result);
    if (this.waiting.size > 0) this.tellWaiting(result);
    if (this.feeds.size > 0 && result.revisions.length > 0) this.schedulePump();
  }

  /** The state has jumped, by a snapshot of the leader: whoever followed the entries looks at it anew. */
  jumped(): void {
    for (const acquires of [...this.waiting.values()]) for (const acquire of [...acquires]) acquire.recheck();
    if (this.feeds.size > 0) this.schedulePump();
  }

  private tellWaiting({ grants, revisions }: ApplyResult): void {
    for (const grant of grants) this.tell(placeKey(grant));
    for (const { events } of revisions) {
      for (const event of events) this.tell(event.type === 'delete' ? event.key : event.record.key);
    }
  }

  private tell(place: string): void {
    for (const acquire of [...(this.waiting.get(place) ?? [])]) acquire.recheck();
  }

  private waits(acquire: WaitingAcquire): void {
    const place = placeKey(acquire.place);
    const others = this.waiting.get(place);
    if (others === undefined) this.waiting.set(place, new Set([acquire]));
    else others.add(acquire);
  }

  private ended(acquire: WaitingAcquire): void {
    const place = placeKey(acquire.place);
    const others = this.waiting.get(place);
    others?.delete(acquire);
    if (others?.size === 0) this.waiting.delete(place);
  }

  private schedulePump(): void {
    if (this.isPumpScheduled) return;
    this.isPumpScheduled = true;
    this.parts.clock.defer(() => {
      this.isPumpScheduled = false;
      for (const feed of [...this.feeds]) feed.pump();
    });
  }
}
