import { proposalId, type NodeId } from '../ids.js';
import type { MembershipChange } from '../membership.js';
import type { RaftMessage } from '../messages.js';
import type { RaftConfig } from '../raft-config.js';
import { seededRandom, type RandomSource } from '../random-source.js';
import { EventQueue } from './event-queue.js';
import { membershipOf, raftConfig } from './raft-builders.js';
import { hasQuorum } from '../quorum.js';
import { ensure, RaftOracle } from './raft-oracle.js';
import { VirtualNode, type SnapshotTransfer } from './virtual-node.js';

export type NetworkFaults = {
  readonly dropChance: number;
  readonly repeatChance: number;
  /** Delays are drawn anew for each message: any spread reorders. */
  readonly delayMs: { readonly from: number; readonly to: number };
};

export type SnapshotFaults = {
  readonly loseChance: number;
  readonly durationMs: { readonly from: number; readonly to: number };
  /** After so long without an answer the sender gives up. */
  readonly giveUpMs: number;
};

export const GOOD_TRANSFERS: SnapshotFaults = { loseChance: 0, durationMs: { from: 1, to: 5 }, giveUpMs: 500 };

export const GOOD_NETWORK: NetworkFaults = { dropChance: 0, repeatChance: 0, delayMs: { from: 0.2, to: 0.5 } };

export type VirtualClusterOptions = {
  readonly nodes: readonly NodeId[];
  /** All nodes unless said otherwise; the others know no membership and wait to be added. */
  readonly initialVoters?: readonly NodeId[];
  readonly seed: number;
  readonly config?: Partial<RaftConfig>;
  readonly network?: NetworkFaults;
  readonly writeMs?: { readonly from: number; readonly to: number };
  /** Entries applied from one checkpoint to the next; no checkpoints unless given. */
  readonly checkpointEvery?: number;
};

/** Whole nodes on a network, in virtual time, watched by an oracle. The same seed gives the same run. */
export class VirtualCluster {
  readonly events = new EventQueue();
  readonly oracle = new RaftOracle();
  readonly random: RandomSource;
  readonly nodes: ReadonlyMap<NodeId, VirtualNode>;
  network: NetworkFaults;
  writeMs: { readonly from: number; readonly to: number };
  transfers = GOOD_TRANSFERS;
  /** By `from>to`, one way each. */
  readonly cutLinks = new Set<string>();
  /** Every message on its way to be delivered, for tests that count. */
  onMessage: (from: NodeId, to: NodeId, message: RaftMessage) => void = () => {};
  private lastProposalId = 0;

  constructor(options: VirtualClusterOptions) {
    this.random = seededRandom(options.seed, 'cluster');
    this.network = options.network ?? GOOD_NETWORK;
    this.writeMs = options.writeMs ?? { from: 0.5, to: 1 };
    this.oracle.isOnQuorumOfDisks = (entry, membership) =>
      hasQuorum(membership, (id) => this.nodes.get(id)?.disk.holds(entry) === true);
    const voters = options.initialVoters ?? options.nodes;
    this.nodes = new Map(
      options.nodes.map((id) => [
        id,
        new VirtualNode({
          config: raftConfig({
            ...options.config,
            nodeId: id,
            initialMembership: membershipOf(voters.includes(id) ? voters : []),
            seed: options.seed,
          }),
          events: this.events,
          oracle: this.oracle,
          send: (from, to, message) => this.send(from, to, message),
          sendSnapshot: (transfer) => this.sendSnapshot(transfer),
          checkpointEvery: options.checkpointEvery ?? null,
          drawWriteMs: () => this.drawBetween(this.writeMs),
        }),
      ]),
    );
  }

  all(): readonly VirtualNode[] {
    return [...this.nodes.values()];
  }

  node(id: NodeId): VirtualNode {
    const node = this.nodes.get(id);
    ensure(node !== undefined, `${id} is not in this cluster`);
    return node;
  }

  runFor(durationMs: number): void {
    const untilMs = this.events.nowMs + durationMs;
    while (this.events.runNext(untilMs));
  }

  /** @throws BrokenPromise when it does not become true within `limitMs` */
  runUntil(isDone: () => boolean, limitMs: number, what: string): void {
    const untilMs = this.events.nowMs + limitMs;
    while (!isDone()) ensure(this.events.runNext(untilMs), `not within ${limitMs} ms: ${what}`);
  }

  /** Of those that believe to lead, the one of the latest term. */
  leader(): VirtualNode | null {
    const leaders = this.all().filter((node) => node.status?.role === 'leader');
    return leaders.sort((left, right) => termOf(right) - termOf(left))[0] ?? null;
  }

  /** Runs until a node leads and has committed the first entry of its term. */
  awaitLeader(limitMs: number): VirtualNode {
    const ready = (): VirtualNode | null => {
      const leader = this.leader();
      const status = leader?.status;
      if (leader === null || status === null || status === undefined) return null;
      return leader.disk.log.termAt(status.commitIndex) === status.currentTerm ? leader : null;
    };
    this.runUntil(() => ready() !== null, limitMs, 'a leader that can commit');
    const leader = ready();
    ensure(leader !== null, 'the leader is still there');
    return leader;
  }

  propose(node: VirtualNode, count = 1): void {
    const proposals = Array.from({ length: count }, () => {
      this.lastProposalId += 1;
      return { proposalId: proposalId(this.lastProposalId), data: new Uint8Array(8) };
    });
    node.step({ type: 'propose', proposals });
  }

  changeMembership(node: VirtualNode, change: MembershipChange): void {
    this.lastProposalId += 1;
    node.step({ type: 'changeMembership', proposalId: proposalId(this.lastProposalId), change });
  }

  /** The others learn that the connections closed, each a moment later. */
  crash(id: NodeId, noticedWithinMs: number | null): void {
    this.node(id).crash();
    if (noticedWithinMs !== null) this.tellOthers(id, 'peerDown', noticedWithinMs);
  }

  restart(id: NodeId): void {
    this.node(id).start();
    this.tellOthers(id, 'peerUp', 1);
  }

  cut(from: NodeId, to: NodeId): void {
    this.cutLinks.add(`${from}>${to}`);
  }

  /** Both directions, between every member of one side and every member of the other. */
  partition(side: readonly NodeId[]): void {
    for (const inside of side) {
      for (const outside of this.nodes.keys()) {
        if (side.includes(outside)) continue;
        this.cut(inside, outside);
        this.cut(outside, inside);
      }
    }
  }

  heal(): void {
    this.cutLinks.clear();
  }

  private tellOthers(id: NodeId, type: 'peerUp' | 'peerDown', withinMs: number): void {
    for (const node of this.all()) {
      if (node.id === id) continue;
      // A connection closes after everything that was sent on it has come.
      const atMs = this.events.nowMs + this.network.delayMs.to + this.random() * withinMs;
      this.events.schedule(atMs, () => node.step({ type, peer: id }));
    }
  }

  private send(from: NodeId, to: NodeId, message: RaftMessage): void {
    if (this.random() < this.network.dropChance) return;
    const copies = this.random() < this.network.repeatChance ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.events.schedule(this.events.nowMs + this.drawBetween(this.network.delayMs), () => {
        if (this.cutLinks.has(`${from}>${to}`)) return;
        this.onMessage(from, to, message);
        this.nodes.get(to)?.step({ type: 'message', from, message });
      });
    }
  }

  /** All of it at once, after the time that it takes; the answer comes back the same way. */
  private sendSnapshot(transfer: SnapshotTransfer): void {
    const { from, to } = transfer;
    const { loseChance, durationMs, giveUpMs } = this.transfers;
    const afterMs = (delayMs: number, run: () => void): void => this.events.schedule(this.events.nowMs + delayMs, run);
    const isLost = (link: string): boolean => this.cutLinks.has(link) || this.random() < loseChance;
    afterMs(giveUpMs, () => transfer.ended(false));
    afterMs(this.drawBetween(durationMs), () => {
      if (isLost(`${from}>${to}`)) return;
      this.nodes.get(to)?.receiveSnapshot(transfer, (isHeld) => {
        afterMs(this.drawBetween(this.network.delayMs), () => {
          if (!isLost(`${to}>${from}`)) transfer.ended(isHeld);
        });
      });
    });
  }

  private drawBetween({ from, to }: { readonly from: number; readonly to: number }): number {
    return from + this.random() * (to - from);
  }
}

function termOf(node: VirtualNode): number {
  return node.status?.currentTerm ?? 0;
}
