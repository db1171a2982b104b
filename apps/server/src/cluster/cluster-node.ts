import { randomUUID } from 'node:crypto';
import type { NodeId } from '@latchkey/raft';
import {
  createReplica,
  type CheckpointView,
  type Clock,
  type LogStoreError,
  type PeerTransport,
  type Replica,
  type ReplicaPhase,
} from '@latchkey/replica';
import { StateMachine, type ApplyResult } from '@latchkey/state-machine';
import type { PartLogger } from '../logging/part-logger.js';
import type { NodeSettings } from '../settings/settings.js';
import type { Stores } from './adapters.js';
import { AppliedState } from './applied-state.js';
import { handOver } from './handover.js';
import { addressedTo, LeaderDesks, type DeskName, type LeaderDesk } from './leader-desks.js';
import type { NodeEvents } from './node-events.js';
import { StoreScrubber } from './store-scrubber.js';
import { PeriodicCheckpoints } from './periodic-checkpoints.js';
import { checkpointPace, placeAmongPeers, raftConfig, randomIncarnation, REPLICA_LIMITS } from './replica-options.js';

export type ClusterNodeParts = {
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly events: NodeEvents;
  readonly logger: PartLogger;
  readonly stores: Stores;
  readonly transport: PeerTransport;
};

const CATCH_UP_PAUSE_MS = 50;

const HAS_ENDED: ReadonlySet<ReplicaPhase> = new Set(['removed', 'stopped', 'failed']);

/** This member of the cluster: its replica and what it has applied. */
export class ClusterNode {
  readonly state: AppliedState;
  readonly replica: Replica<ApplyResult>;
  private readonly desks = new LeaderDesks();
  private readonly commitAwaiters: (() => boolean)[] = [];
  private readonly periodicCheckpoints: PeriodicCheckpoints;
  /** Null: what the node keeps cannot be looked at. */
  readonly scrubber: StoreScrubber | null;
  private caughtUp = false;
  private handingOver: Promise<void> | null = null;
  private stopping = false;

  constructor(private readonly parts: ClusterNodeParts) {
    const { settings, clock, events, logger, stores, transport } = parts;
    const machine = new StateMachine({ maxHotHistoryBytes: settings.historyMemoryBytes });
    this.state = new AppliedState(machine, machine);
    this.replica = createReplica({
      raft: raftConfig(settings),
      ...REPLICA_LIMITS,
      logStore: stores.logStore,
      identity: { store: stores.identity, newStoreId: randomUUID },
      transport,
      configuredPeers: [...settings.peers.keys()],
      stateMachine: this.state,
      stateHash: () => machine.stateHash,
      checkpoints: { store: stores.checkpoints, stateMachine: this.state, ...checkpointPace(settings) },
      clock,
      observer: events,
      onLeaderRequest: (from, body) => this.desks.answer(from, body),
      awaitsCommits: () => this.commitAwaiters.some((awaitsCommits) => awaitsCommits()),
      incarnation: randomIncarnation(),
    });
    this.periodicCheckpoints = new PeriodicCheckpoints({
      clock,
      replica: this.replica,
      progress: () => ({ checkpointIndex: this.replica.status().checkpointIndex, revision: machine.revision }),
      place: placeAmongPeers(settings),
    });
    const { verifier } = stores;
    const scrub = { clock, replica: this.replica, logger, intervalMs: settings.verifyIntervalMs };
    this.scrubber = verifier === null ? null : new StoreScrubber({ ...scrub, verifier });
  }

  /** Whom this node follows: itself while it leads, null while it knows of nobody. */
  get leaderId(): NodeId | null {
    return this.replica.status().leaderId;
  }

  onLeaderChanged(listener: (leaderId: NodeId | null) => void): void {
    this.parts.events.onRoleChanged(({ leaderId }) => listener(leaderId));
  }

  /** Who answers what other nodes ask this one while it leads. */
  serveAsLeader(name: DeskName, desk: LeaderDesk): void {
    this.desks.serve(name, desk);
  }

  /** Asks that desk at the leader, which may be this node. @throws ReplicaError */
  askLeader(name: DeskName, question: Uint8Array): Promise<Uint8Array> {
    return this.replica.askLeader(addressedTo(name, question));
  }

  /** The rows of the latest checkpoint, which must be closed; null when there is none. @throws LogStoreError */
  openCheckpoint(): Promise<CheckpointView | null> {
    return this.parts.stores.checkpoints.openView();
  }

  /** See `CheckpointStore.readRows`. @throws LogStoreError */
  readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return this.parts.stores.checkpoints.readRows(keys);
  }

  /** A row that was read is not what was written. */
  foundCorrupt(error: LogStoreError): void {
    this.parts.logger.error('the database holds what was never written', { error: error.message });
    this.replica.storeFoundCorrupt(error);
  }

  /** While one of these says yes, this node wants to know of each commit at once, not with the next heartbeat. */
  awaitCommitsWhile(awaitsCommits: () => boolean): void {
    this.commitAwaiters.push(awaitsCommits);
  }

  /** Has contained everything that the cluster had acknowledged, once since the start, and knows a leader now. */
  get isReady(): boolean {
    if (!this.caughtUp || this.stopping) return false;
    const { phase, leaderId, isDiskStalled } = this.replica.status();
    return phase === 'running' && leaderId !== null && !isDiskStalled;
  }

  /** Resolves when this node listens to its peers. @throws LogStoreError, and the transport's errors */
  async start(): Promise<void> {
    await this.replica.start();
    this.periodicCheckpoints.start();
    this.scrubber?.start();
    void this.catchUp();
  }

  /** From here on it is not ready; requests that are under way go on. */
  beginStop(): void {
    this.stopping = true;
  }

  /**
   * Before the stop: another node leads when this resolves, if there is one that can. Meanwhile this one goes on serving.
   * Never rejects.
   */
  handOverLeadership(): Promise<void> {
    this.handingOver ??= this.handOverOnce();
    return this.handingOver;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.periodicCheckpoints.stop();
    this.scrubber?.stop();
    await this.handOverLeadership();
    await this.replica.stop();
  }

  private async handOverOnce(): Promise<void> {
    const { settings, clock, events, logger } = this.parts;
    const result = await handOver({
      replica: this.replica,
      electionTimeoutMs: settings.electionTimeoutMs,
      onPeerChanged: events.onPeerChanged,
      setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
    });
    if (result === null) return;
    if ('leaderId' in result) logger.info('leadership handed over before the stop', { to: result.leaderId });
    else logger.info('stopping without handing leadership over', { reason: result.notHandedOver });
  }

  private async catchUp(): Promise<void> {
    while (!this.stopping && !this.caughtUp) {
      try {
        await this.replica.readBarrier();
        this.caughtUp = true;
      } catch {
        // No leader within the read's time.
        if (HAS_ENDED.has(this.replica.status().phase)) return;
        // Before the node takes part a read fails at once.
        await new Promise<void>((resolve) => void this.parts.clock.setTimer(CATCH_UP_PAUSE_MS, resolve));
      }
    }
  }
}
