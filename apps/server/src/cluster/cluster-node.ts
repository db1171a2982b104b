import type { NodeId } from '@latchkey/raft';
import { createReplica, type Clock, type LogStore, type PeerTransport, type Replica } from '@latchkey/replica';
import { StateMachine, type ApplyResult } from '@latchkey/state-machine';
import type { NodeSettings } from '../settings/settings.js';
import { AppliedState } from './applied-state.js';
import type { NodeEvents } from './node-events.js';
import { raftConfig, randomIncarnation, REPLICA_LIMITS } from './replica-options.js';

type LeaderDesk = (from: NodeId, body: Uint8Array) => Promise<Uint8Array>;

export type ClusterNodeParts = {
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly events: NodeEvents;
  readonly logStore: LogStore;
  readonly transport: PeerTransport;
};

/** This member of the cluster: its replica and what it has applied. */
export class ClusterNode {
  readonly state: AppliedState;
  readonly replica: Replica<ApplyResult>;
  private leaderDesk: LeaderDesk | null = null;
  private readonly commitAwaiters: (() => boolean)[] = [];
  private caughtUp = false;
  private stopping = false;

  constructor({ settings, clock, events, logStore, transport }: ClusterNodeParts) {
    const machine = new StateMachine();
    this.state = new AppliedState(machine, machine);
    this.replica = createReplica({
      raft: raftConfig(settings),
      ...REPLICA_LIMITS,
      logStore,
      transport,
      stateMachine: this.state,
      clock,
      observer: events,
      onLeaderRequest: (from, body) => this.answer(from, body),
      awaitsCommits: () => this.commitAwaiters.some((awaitsCommits) => awaitsCommits()),
      incarnation: randomIncarnation(),
    });
  }

  /** Who answers what other nodes ask this one while it leads. */
  serveLeaderRequests(desk: LeaderDesk): void {
    this.leaderDesk = desk;
  }

  /** While one of these says yes, this node wants to know of each commit at once, not with the next heartbeat. */
  awaitCommitsWhile(awaitsCommits: () => boolean): void {
    this.commitAwaiters.push(awaitsCommits);
  }

  /** Has contained everything that the cluster had acknowledged, once since the start, and knows a leader now. */
  get isReady(): boolean {
    if (!this.caughtUp || this.stopping) return false;
    const { phase, leaderId } = this.replica.status();
    return phase === 'running' && leaderId !== null;
  }

  /** Resolves when this node listens to its peers. @throws LogStoreError, and the transport's errors */
  async start(): Promise<void> {
    await this.replica.start();
    void this.catchUp();
  }

  /** From here on it is not ready; requests that are under way go on. */
  beginStop(): void {
    this.stopping = true;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    // Here a leader will hand its leadership over first (ARCHITECTURE §4.9).
    await this.replica.stop();
  }

  private async catchUp(): Promise<void> {
    while (!this.stopping && !this.caughtUp) {
      try {
        await this.replica.readBarrier();
        this.caughtUp = true;
      } catch {
        // No leader within the read's time; the next call waits as long again, so this loop never spins.
        if (this.replica.status().phase !== 'running' && this.replica.status().phase !== 'recovering') return;
      }
    }
  }

  private async answer(from: NodeId, body: Uint8Array): Promise<Uint8Array> {
    if (this.leaderDesk === null) throw new Error('this node is not ready to answer');
    return this.leaderDesk(from, body);
  }
}
