import { proposalId, type NodeId } from '../ids.js';
import type { RaftMessage } from '../messages.js';
import type { RaftConfig } from '../raft-config.js';
import { seededRandom, type RandomSource } from '../random-source.js';
import { EventQueue } from './event-queue.js';
import { membershipOf, raftConfig } from './raft-builders.js';
import { ensure, RaftOracle } from './raft-oracle.js';
import { VirtualNode } from './virtual-node.js';

export type NetworkFaults = {
  readonly dropChance: number;
  readonly repeatChance: number;
  /** Delays are drawn anew for each message: any spread reorders. */
  readonly delayMs: { readonly from: number; readonly to: number };
};

export const GOOD_NETWORK: NetworkFaults = { dropChance: 0, repeatChance: 0, delayMs: { from: 0.2, to: 0.5 } };

export type VirtualClusterOptions = {
  readonly nodes: readonly NodeId[];
  readonly seed: number;
  readonly config?: Partial<RaftConfig>;
  readonly network?: NetworkFaults;
  readonly writeMs?: { readonly from: number; readonly to: number };
};

/** Whole nodes on a network, in virtual time, watched by an oracle. The same seed gives the same run. */
export class VirtualCluster {
  readonly events = new EventQueue();
  readonly oracle = new RaftOracle();
  readonly random: RandomSource;
  readonly nodes: ReadonlyMap<NodeId, VirtualNode>;
  network: NetworkFaults;
  writeMs: { readonly from: number; readonly to: number };
  /** By `from>to`, one way each. */
  readonly cutLinks = new Set<string>();
  /** Every message on its way to be delivered, for tests that count. */
  onMessage: (from: NodeId, to: NodeId, message: RaftMessage) => void = () => {};
  private lastProposalId = 0;

  constructor(options: VirtualClusterOptions) {
    this.random = seededRandom(options.seed, 'cluster');
    this.network = options.network ?? GOOD_NETWORK;
    this.writeMs = options.writeMs ?? { from: 0.5, to: 1 };
    this.oracle.majority = Math.floor(options.nodes.length / 2) + 1;
    this.oracle.countDisksHolding = (entry) =>
      this.all().filter((node) => node.disk.log[entry.index - 1]?.term === entry.term).length;
    const initialMembership = membershipOf(options.nodes);
    this.nodes = new Map(
      options.nodes.map((id) => [
        id,
        new VirtualNode({
          config: raftConfig({ ...options.config, nodeId: id, initialMembership, seed: options.seed }),
          events: this.events,
          oracle: this.oracle,
          send: (from, to, message) => this.send(from, to, message),
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
      return leader.disk.log[status.commitIndex - 1]?.term === status.currentTerm ? leader : null;
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

  private drawBetween({ from, to }: { readonly from: number; readonly to: number }): number {
    return from + this.random() * (to - from);
  }
}

function termOf(node: VirtualNode): number {
  return node.status?.currentTerm ?? 0;
}
