import type { Connection, ConnectionListener, Connector, NodeAnnouncement, RequestFrame } from '@latchkey/sdk-core';
import type { GatewayConnection } from '../gateway/gateway-connection.js';
import type { GatewayLink } from '../gateway/node-gateway.js';
import type { Life, SimulatedNode } from '../node/simulated-node.js';
import type { EventQueue } from '../world/event-queue.js';
import type { Random } from '../world/random.js';
import type { ClientMachine } from './client-machine.js';

export type ClientNetworkRates = {
  /** Of the frames, with how many their connection dies. */
  readonly loss: number;
  /** Of the frames of clients, how many are held up for long: they may arrive when their client has given up on them. */
  readonly late: number;
};

export type ClientNetworkWorld = {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly nodes: readonly SimulatedNode[];
  readonly rates: () => ClientNetworkRates;
};

const LATENCY_MS = { min: 0.2, max: 3 };
const MEAN_LATE_MS = 800;
/** Of the connections that die, how many do so without a word to either end. */
const SILENT_SHARE = 0.5;
/** Of the connections, on how many the node says who leads: the others find that their client stays with a follower. */
const ANNOUNCING_SHARE = 0.5;
/** When a node gives up a client that it hears nothing from. */
const SERVER_PING_TIMEOUT_MS = 10_000;

/** The wires between clients and nodes: as TCP, in order and whole until a connection dies, which can be at any moment. */
export class ClientNetwork {
  constructor(private readonly world: ClientNetworkWorld) {}

  connector(client: string, machine: ClientMachine): Connector {
    return {
      open: (endpoint, listener) => {
        const node = this.world.nodes.find(({ id }) => endpointOf(id) === endpoint);
        if (node === undefined) throw new RangeError(`no node at ${endpoint}`);
        return new ClientConnection(this.world, { client, machine, listener, node });
      },
    };
  }
}

export const endpointOf = (nodeId: string): string => `http://${nodeId}`;

type Ends = {
  readonly client: string;
  readonly machine: ClientMachine;
  readonly listener: ConnectionListener;
  readonly node: SimulatedNode;
};

class ClientConnection implements Connection, GatewayLink {
  readonly client: string;
  private life: Life | null = null;
  private server: GatewayConnection | null = null;
  private isClosedByClient = false;
  /** Nothing gets through any more, in either direction. */
  private isDead = false;
  private readonly isAnnouncing: boolean;
  private lastArrivalMs = { atNode: 0, atClient: 0 };

  constructor(
    private readonly world: ClientNetworkWorld,
    private readonly ends: Ends,
  ) {
    this.client = ends.client;
    this.isAnnouncing = world.random.chance(ANNOUNCING_SHARE);
    this.arrive('atNode', () => this.reachNode());
  }

  send(frame: RequestFrame): void {
    const { random, rates } = this.world;
    const { loss, late } = rates();
    // Half of the frames that their connection dies with have got there.
    const isLost = random.chance(loss);
    if (!isLost || random.chance(0.5)) {
      const extraMs = random.chance(late) ? random.exponential(MEAN_LATE_MS) : 0;
      this.arrive('atNode', () => this.toNode(frame), extraMs);
    }
    if (isLost) this.die();
  }

  /** What is on its way still arrives. */
  close(): void {
    this.isClosedByClient = true;
    this.arrive('atNode', () => this.closeAtNode());
  }

  announce(announcement: NodeAnnouncement): void {
    if (this.isAnnouncing) this.toClient(() => this.ends.listener.announced(announcement));
  }

  sendResponses(responses: Parameters<ConnectionListener['responses']>[0]): void {
    this.toClient(() => this.ends.listener.responses(responses));
  }

  sendWatch(watchId: number, message: Parameters<ConnectionListener['watch']>[0][number][1]): void {
    this.toClient(() => this.ends.listener.watch([[watchId, message]]));
  }

  nodeGone(peersLearn: boolean): void {
    this.server = null;
    if (peersLearn) this.tellClosed('the node has ended');
    else this.isDead = true;
  }

  private reachNode(): void {
    const { node } = this.ends;
    const { life } = node;
    if (life === null) return this.tellClosed('connection refused');
    life.process.run(() => {
      if (this.isClosedByClient) return;
      this.life = life;
      this.toClient(() => this.ends.listener.opened());
      this.server = life.gateway.connect(this);
    });
  }

  private toNode(frame: RequestFrame): void {
    const { life } = this;
    if (this.isDead || life === null) return;
    if (!life.process.isAlive) return this.tellClosed('reset by the node');
    life.process.run(() => this.server?.receive(frame));
  }

  private toClient(deliver: () => void): void {
    const { random, rates } = this.world;
    if (this.isDead || this.life?.process.isAlive !== true) return;
    if (random.chance(rates().loss)) return this.die();
    this.arrive('atClient', () => this.atClient(deliver));
  }

  private atClient(deliver: () => void): void {
    this.ends.machine.process.run(() => {
      if (!this.isClosedByClient) deliver();
    });
  }

  private die(): void {
    if (this.isDead) return;
    this.isDead = true;
    const { random, queue } = this.world;
    const isSilent = random.chance(SILENT_SHARE);
    queue.schedule(queue.nowMs + (isSilent ? SERVER_PING_TIMEOUT_MS : this.latencyMs()), () => this.closeAtNode());
    if (!isSilent) this.tellClosed('connection reset');
  }

  private tellClosed(message: string): void {
    this.isDead = true;
    this.arrive('atClient', () =>
      this.atClient(() => {
        this.isClosedByClient = true;
        this.ends.listener.closed({ message, error: null });
      }),
    );
  }

  private closeAtNode(): void {
    const { life, server } = this;
    if (server === null || life === null) return;
    life.process.run(() => {
      this.server = null;
      life.gateway.disconnected(this);
      server.close();
    });
  }

  /** In the order of sending. */
  private arrive(where: 'atNode' | 'atClient', run: () => void, extraMs = 0): void {
    const { queue } = this.world;
    const arrivalMs = Math.max(queue.nowMs + this.latencyMs() + extraMs, this.lastArrivalMs[where]);
    this.lastArrivalMs[where] = arrivalMs;
    queue.schedule(arrivalMs, run);
  }

  private latencyMs(): number {
    return this.world.random.between(LATENCY_MS.min, LATENCY_MS.max);
  }
}
