import type { NodeId } from '@latchkey/raft';
import type { PeerAddress, PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import type { EventQueue } from '../world/event-queue.js';
import type { Random } from '../world/random.js';
import type { SimulatedProcess } from '../world/simulated-process.js';
import { Link, type LinkBehaviour } from './link.js';
import { copyOfMessage } from './message-copy.js';

export type NetworkBehaviour = LinkBehaviour & {
  /** Until both ends of a new connection know of it. */
  readonly connectDelayMs: () => number;
  /** How long a silent connection lives before its ends give it up. */
  readonly silenceTimeoutMs: number;
  /** Messages of a closed connection may still arrive, even at the next process. */
  readonly deliversStale: boolean;
};

export type MessageFact = { readonly from: NodeId; readonly to: NodeId; readonly message: PeerMessage };

export type NetworkWorld = {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly behaviour: () => NetworkBehaviour;
  readonly onSent: (fact: MessageFact) => void;
  readonly onDelivered: (fact: MessageFact) => void;
};

/** `never`: messages vanish while the connection stays, as when something between eats them. */
export type LossNotice = 'atOnce' | 'whenSilent' | 'never';

/** A connection between two nodes; a new one after each loss. */
type Connection = { isUp: boolean };
/** What lies between two nodes, whichever of them is asked. */
type Pair = { connection: Connection | null };

/** The wires between all nodes. Every pair has one connection, like the real transport, and two directed links. */
export class SimulatedNetwork {
  private readonly endpoints = new Map<NodeId, Endpoint>();
  private readonly links = new Map<NodeId, Map<NodeId, Link>>();
  private readonly pairs = new Map<NodeId, Map<NodeId, Pair>>();
  private readonly machines = new Map<NodeId, number>();

  constructor(
    readonly nodes: readonly NodeId[],
    private readonly world: NetworkWorld,
  ) {
    for (const from of nodes) {
      this.links.set(from, new Map(nodes.map((to) => [to, new Link()])));
      this.pairs.set(from, new Map());
      for (const to of nodes) {
        const pair = this.pairs.get(to)?.get(from) ?? { connection: null };
        this.pairs.get(from)?.set(to, pair);
      }
    }
  }

  transport(node: NodeId, process: SimulatedProcess): PeerTransport {
    return new Endpoint(this, node, process);
  }

  /** Blocks or frees one direction; `notice`: when both ends learn that their connection is lost. */
  setBlocked(direction: { readonly from: NodeId; readonly to: NodeId }, isBlocked: boolean, notice: LossNotice): void {
    const { from, to } = direction;
    const link = this.link(from, to);
    if (link.isBlocked === isBlocked) return;
    link.isBlocked = isBlocked;
    if (!isBlocked) return this.connectLater(from, to);
    const { connection } = this.pair(from, to);
    if (connection === null || notice === 'never') return;
    const { queue, behaviour } = this.world;
    const delayMs = notice === 'atOnce' ? 0 : behaviour().silenceTimeoutMs;
    queue.schedule(queue.nowMs + delayMs, () => {
      if (link.isBlocked) this.lose(from, to, connection);
    });
  }

  /** Whether the two can talk to each other. */
  areLinked(one: NodeId, other: NodeId): boolean {
    return !this.link(one, other).isBlocked && !this.link(other, one).isBlocked;
  }

  /** Everything sent on this link waits. */
  clog(direction: { readonly from: NodeId; readonly to: NodeId }, untilMs: number): void {
    const link = this.link(direction.from, direction.to);
    link.cloggedUntilMs = Math.max(link.cloggedUntilMs, untilMs);
  }

  /** No link is blocked or clogged any more. */
  healAll(): void {
    for (const from of this.nodes) {
      for (const to of this.nodes) {
        this.link(from, to).cloggedUntilMs = 0;
        this.setBlocked({ from, to }, false, 'never');
      }
    }
  }

  join(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.node, endpoint);
    for (const other of this.nodes) if (other !== endpoint.node) this.connectLater(endpoint.node, other);
  }

  /** A process is gone; whether its peers learn it at once depends on how it went. */
  leave(node: NodeId, process: SimulatedProcess, peersLearn: boolean): void {
    const endpoint = this.endpoints.get(node);
    if (endpoint?.process !== process) return;
    this.endpoints.delete(node);
    const { queue, behaviour } = this.world;
    for (const other of this.nodes) {
      const { connection } = this.pair(node, other);
      if (connection === null) continue;
      if (peersLearn) this.lose(node, other, connection);
      else queue.schedule(queue.nowMs + behaviour().silenceTimeoutMs, () => this.lose(node, other, connection));
    }
  }

  /** Leaves whom the endpoint does not want any more, and tries to reach whom it does. */
  peersChanged(endpoint: Endpoint): void {
    for (const other of this.nodes) {
      if (other === endpoint.node) continue;
      const { connection } = this.pair(endpoint.node, other);
      const isUp = connection?.isUp === true;
      if (endpoint.wants(other) && !isUp) this.connectLater(endpoint.node, other);
      else if (!endpoint.wants(other) && isUp) this.lose(endpoint.node, other, connection);
    }
  }

  /** Another machine in the place of `node`: what was sent to the old one reaches nobody. */
  replaceMachine(node: NodeId): void {
    this.machines.set(node, this.machineOf(node) + 1);
  }

  send(from: Endpoint, to: NodeId, message: PeerMessage): void {
    const { connection } = this.pair(from.node, to);
    if (connection?.isUp !== true || !from.peers.has(to)) return;
    const { random, behaviour, onSent } = this.world;
    const { dropRate, duplicateRate } = behaviour();
    onSent({ from: from.node, to, message });
    if (random.chance(dropRate)) return;
    this.carry({ from: from.node, to, message }, connection);
    if (random.chance(duplicateRate)) this.carry({ from: from.node, to, message }, connection);
  }

  private carry({ from, to, message }: MessageFact, connection: Connection): void {
    const { queue, behaviour, onDelivered } = this.world;
    const link = this.link(from, to);
    if (link.isBlocked) return;
    const fact = { from, to, message: copyOfMessage(message) };
    const machines = this.machineOf(from) + this.machineOf(to);
    const deliver = (): void => {
      const receiver = this.endpoints.get(to);
      if (receiver === undefined || link.isBlocked) return;
      if (this.machineOf(from) + this.machineOf(to) !== machines) return;
      const isStale = !connection.isUp || !receiver.peers.has(from);
      if (isStale && !behaviour().deliversStale) return;
      receiver.process.run(() => {
        onDelivered(fact);
        receiver.handlers?.onMessage(from, fact.message);
      });
    };
    // A replica only takes note of a message; what it leads to happens in its next turn.
    queue.schedule(link.arrivalMs(queue.nowMs, behaviour()), deliver, true);
  }

  private connectLater(one: NodeId, other: NodeId): void {
    const { queue, behaviour } = this.world;
    queue.schedule(queue.nowMs + behaviour().connectDelayMs(), () => this.connect(one, other));
  }

  private connect(one: NodeId, other: NodeId): void {
    const pair = this.pair(one, other);
    const [first, second] = [this.endpoints.get(one), this.endpoints.get(other)];
    if (one === other || first === undefined || second === undefined) return;
    if (!first.wants(other) || !second.wants(one)) return;
    if (this.link(one, other).isBlocked || this.link(other, one).isBlocked) return;
    const old = pair.connection;
    if (old?.isUp === true) {
      // The other end may not have noticed yet that the process it was connected to is gone.
      if (first.peers.has(other) && second.peers.has(one)) return;
      this.lose(one, other, old);
    }
    pair.connection = { isUp: true };
    first.tell(other, true);
    second.tell(one, true);
  }

  private lose(one: NodeId, other: NodeId, connection: Connection): void {
    if (!connection.isUp) return;
    connection.isUp = false;
    this.endpoints.get(one)?.tell(other, false);
    this.endpoints.get(other)?.tell(one, false);
    this.connectLater(one, other);
  }

  /** How often the machine was replaced. */
  private machineOf(node: NodeId): number {
    return this.machines.get(node) ?? 0;
  }

  private link(from: NodeId, to: NodeId): Link {
    const link = this.links.get(from)?.get(to);
    if (link === undefined) throw new RangeError(`no link from ${from} to ${to}`);
    return link;
  }

  private pair(one: NodeId, other: NodeId): Pair {
    const pair = this.pairs.get(one)?.get(other);
    if (pair === undefined) throw new RangeError(`nothing lies between ${one} and ${other}`);
    return pair;
  }
}

class Endpoint implements PeerTransport {
  handlers: PeerTransportHandlers | null = null;
  readonly peers = new Set<NodeId>();

  constructor(
    private readonly network: SimulatedNetwork,
    readonly node: NodeId,
    readonly process: SimulatedProcess,
  ) {}

  async start(handlers: PeerTransportHandlers): Promise<void> {
    if (!this.process.portCalled()) return;
    this.handlers = handlers;
    this.network.join(this);
  }

  send(to: NodeId, message: PeerMessage): void {
    if (this.process.portCalled()) this.network.send(this, to, message);
  }

  /** Null before the first time: whoever it was configured with, which is everybody. */
  private wanted: ReadonlySet<NodeId> | null = null;

  wants(peer: NodeId): boolean {
    return this.wanted === null || this.wanted.has(peer);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (!this.process.portCalled()) return;
    this.wanted = new Set(peers.map(({ id }) => id));
    this.network.peersChanged(this);
  }

  async close(): Promise<void> {
    this.handlers = null;
    this.network.leave(this.node, this.process, true);
  }

  tell(peer: NodeId, isUp: boolean): void {
    if (isUp === this.peers.has(peer)) return;
    if (isUp) this.peers.add(peer);
    else this.peers.delete(peer);
    this.process.run(() => {
      if (isUp) this.handlers?.onPeerUp(peer);
      else this.handlers?.onPeerDown(peer);
    });
  }
}
