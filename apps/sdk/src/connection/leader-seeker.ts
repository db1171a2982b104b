import type { NodeAnnouncement } from '@latchkey/contracts';
import type { Clock, Timer } from '../ports/clock.js';
import type { Connector } from '../ports/connector.js';
import { NodeConnection } from './node-connection.js';

/** A node that does not say who it is within this time is given up. */
export const ANNOUNCEMENT_TIMEOUT_MS = 2_000;
/** When the leader changes, the clients of the other nodes go to the new one within this time, not all at once. */
export const LEADER_CHANGE_SPREAD_MS = 500;

export type LeaderSeekerParts = {
  readonly endpoints: readonly string[];
  readonly connector: Connector;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /**
   * An open connection with a node that says that it leads, or knows a leader in place of a suspected one; and why to go there.
   * Called only between `heard` and `lost`.
   */
  readonly found: (connection: NodeConnection, reason: string) => void;
};

type Candidate = { readonly connection: NodeConnection; readonly timer: Timer };

/**
 * Looks for the leader beside the connection that there is, once it is wanted. Nodes say who they are and whom they follow, not
 * where others are: an address that is right for a node may be wrong for a client. So the endpoints are asked one by one.
 */
export class LeaderSeeker {
  /** Who is behind an endpoint, as far as it has been seen. */
  readonly #nodeIds = new Map<string, string>();
  /** Endpoints that were not this leader's, or could not be reached. */
  readonly #askedInVain = new Set<string>();
  #leaderId: string | null = null;
  /** Where the client is connected; null while it is not, or its node has said nothing yet. */
  #connected: string | null = null;
  #isWanted = false;
  #isSuspected = false;
  #candidate: Candidate | null = null;
  #delay: Timer | null = null;

  constructor(private readonly parts: LeaderSeekerParts) {}

  prefer(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#look();
  }

  /**
   * The connected node owes answers and is silent. If it leads, as far as is known, the others are asked who does: a leader that hangs
   * is left when it has a successor, and a slow one is kept.
   */
  suspect(): void {
    if (this.#isSuspected || !this.#isWithLeader()) return;
    this.#isSuspected = true;
    this.#askedInVain.clear();
    this.#look();
  }

  /** The connected node is heard again. */
  trust(): void {
    if (!this.#isSuspected) return;
    this.#isSuspected = false;
    this.#stopLooking();
  }

  /** The connected node says who it is and whom it follows. */
  heard(endpoint: string, [nodeId, leaderId]: NodeAnnouncement): void {
    this.trust();
    const isChange = this.#connected === endpoint;
    this.#connected = endpoint;
    this.#nodeIds.set(endpoint, nodeId);
    if (leaderId === this.#leaderId) return;
    this.#stopLooking();
    this.#askedInVain.clear();
    this.#leaderId = leaderId;
    if (!isChange) return this.#look();
    const { clock, random } = this.parts;
    this.#delay = clock.setTimer(random() * LEADER_CHANGE_SPREAD_MS, () => this.#look());
  }

  /** The connection is gone. */
  lost(): void {
    this.#isSuspected = false;
    this.#stopLooking();
    this.#askedInVain.clear();
    this.#connected = null;
    this.#leaderId = null;
  }

  stop(): void {
    this.#isWanted = false;
    this.#isSuspected = false;
    this.#stopLooking();
  }

  #look(): void {
    if (!(this.#isWanted || this.#isSuspected) || this.#candidate !== null) return;
    const endpoint = this.#nextEndpoint();
    if (endpoint === null) return;
    const { connector, clock } = this.parts;
    const connection = new NodeConnection(
      { endpoint, connector, clock },
      {
        opened: () => undefined,
        announced: (announcement) => this.#candidateSays(connection, announcement),
        // Nothing was asked of it.
        responses: () => undefined,
        watch: () => undefined,
        closed: () => this.#giveUp(endpoint),
      },
    );
    this.#candidate = { connection, timer: clock.setTimer(ANNOUNCEMENT_TIMEOUT_MS, () => this.#giveUp(endpoint)) };
    connection.start();
  }

  /** Where the leader was seen, else where nobody was seen yet. */
  #nextEndpoint(): string | null {
    const leaderId = this.#leaderId;
    const connected = this.#connected;
    if (connected === null || leaderId === null) return null;
    const open = this.parts.endpoints.filter((endpoint) => endpoint !== connected && !this.#askedInVain.has(endpoint));
    if (this.#isWithLeader()) return this.#isSuspected ? (open[0] ?? null) : null;
    const seen = open.find((endpoint) => this.#nodeIds.get(endpoint) === leaderId);
    return seen ?? open.find((endpoint) => !this.#nodeIds.has(endpoint)) ?? null;
  }

  #isWithLeader(): boolean {
    return this.#connected !== null && this.#leaderId !== null && this.#nodeIds.get(this.#connected) === this.#leaderId;
  }

  #candidateSays(connection: NodeConnection, [nodeId, leaderId]: NodeAnnouncement): void {
    const { endpoint } = connection;
    this.#nodeIds.set(endpoint, nodeId);
    if (this.#isSuspected) {
      // It is kept until it knows of another leader, which it says as soon as it does.
      if (leaderId === null || leaderId === this.#leaderId) return;
    } else if (nodeId !== leaderId) return this.#giveUp(endpoint);
    const reason = nodeId === leaderId ? `the leader is at ${endpoint}` : `it is silent, and ${leaderId} leads`;
    this.#candidate?.timer.cancel();
    this.#candidate = null;
    this.#isSuspected = false;
    this.#connected = endpoint;
    this.#leaderId = leaderId;
    this.parts.found(connection, reason);
    this.#look();
  }

  #giveUp(endpoint: string): void {
    this.#askedInVain.add(endpoint);
    this.#stopLooking();
    this.#look();
  }

  #stopLooking(): void {
    this.#delay?.cancel();
    this.#delay = null;
    this.#candidate?.timer.cancel();
    this.#candidate?.connection.close();
    this.#candidate = null;
  }
}
