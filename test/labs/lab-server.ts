import type { NodeId } from '@latchkey/raft';
import { createReplica, type Replica, type ReplicaObserver } from '@latchkey/replica';
import type { AppliedCommand, RecordedOutcome } from '../../libs/replica/src/test-support/recording-state-machine.js';
import { AGREEMENT_TRY_MS, ELECTION_TIMEOUT_MS, HEARTBEAT_MS } from './lab-constants.js';
import type { LabPlatform } from './lab-platform.js';
import { LabStateMachine } from './lab-state-machine.js';
import { LabTransport, type LabWeather } from './lab-transport.js';
import { MortalCheckpointStore, MortalLogStore, ProcessLife } from './mortal-stores.js';

/** What a server tells the test. */
export type ServerEvents = {
  readonly applied: (place: number, command: AppliedCommand) => void;
  readonly leads: (term: number) => void;
  readonly snapshotInstalled: () => void;
  readonly problem: (problem: string) => void;
};

export type ServerOptions = {
  readonly number: number;
  readonly id: NodeId;
  readonly members: readonly NodeId[];
  readonly platform: LabPlatform;
  readonly weather: LabWeather;
  /** Null: the log is kept for ever. */
  readonly checkpointEvery: number | null;
  readonly events: ServerEvents;
  /** Another number for each process. */
  readonly nextIncarnation: () => number;
};

type Process = {
  readonly replica: Replica<RecordedOutcome>;
  readonly life: ProcessLife;
  readonly transport: LabTransport;
};

/** After the leader's connection closed, a follower waits up to this long before it asks for votes. */
const PEER_DOWN_DELAY_MS = 30;
const READ_TIMEOUT_MS = 1_000;
const MAX_QUEUED = 10_000;
/** A busy machine is no stalled disk. */
const DISK_STALL_MS = 10_000;

/** One server of the lab: its disk, and the process that runs on it, if any. */
export class LabServer {
  /** Of the present process, or of the last one. */
  machine: LabStateMachine;
  private process: Process | null = null;
  private readonly ends: Promise<void>[] = [];

  constructor(private readonly options: ServerOptions) {
    this.machine = this.newMachine();
  }

  get id(): NodeId {
    return this.options.id;
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  /** Null while it is down, or has not read its store yet. */
  get replica(): Replica<RecordedOutcome> | null {
    const replica = this.process?.replica ?? null;
    return replica?.status().phase === 'running' ? replica : null;
  }

  get isLeader(): boolean {
    return this.replica?.status().role === 'leader';
  }

  /** A new process on the server's disk. */
  async boot(): Promise<void> {
    if (this.process !== null) throw new Error(`server ${this.options.number} runs already`);
    const { platform, weather, id } = this.options;
    const parts = await platform.open(id);
    const life = new ProcessLife(platform.clock, platform.writeDelayMs);
    this.machine = this.newMachine();
    const transport = new LabTransport(parts.transport, platform.clock, weather);
    const replica = this.newReplica(life, {
      transport,
      logStore: new MortalLogStore(parts.logStore, life),
      checkpoints: new MortalCheckpointStore(parts.checkpoints, life),
    });
    this.process = { replica, life, transport };
    await replica.start();
    await platform.listens(id);
  }

  /** Without a farewell: nothing more is said or written. What a dead process leaves open is closed behind it. */
  crash(): void {
    const { process } = this;
    if (process === null) return;
    this.process = null;
    process.life.end();
    this.options.platform.gone(this.options.id);
    this.ends.push(process.transport.close(), process.replica.stop());
    for (const end of this.ends) end.catch(() => undefined);
  }

  /** Resolves when all that its processes had open is closed. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.ends);
  }

  private newMachine(): LabStateMachine {
    const { applied, problem } = this.options.events;
    return new LabStateMachine(applied, (what) => problem(`server ${this.options.number}: ${what}`));
  }

  private newReplica(
    life: ProcessLife,
    parts: { transport: LabTransport; logStore: MortalLogStore; checkpoints: MortalCheckpointStore },
  ): Replica<RecordedOutcome> {
    const { id, members, platform, checkpointEvery } = this.options;
    const { machine } = this;
    const incarnation = this.options.nextIncarnation();
    return createReplica<RecordedOutcome>({
      raft: {
        nodeId: id,
        initialMembership: { voters: members, votersOutgoing: [], learners: [] },
        heartbeatIntervalMs: HEARTBEAT_MS,
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        peerDownDelayMs: PEER_DOWN_DELAY_MS,
        maxInFlightAppends: 64,
        maxInFlightBytes: 4 * 1024 * 1024,
        maxAppendBytes: 256 * 1024,
        maxUncommittedBytes: 8 * 1024 * 1024,
        // As in the lab: what is in the snapshot is not in the log.
        trailingEntries: 0,
        diskStallTimeoutMs: DISK_STALL_MS,
        seed: incarnation,
      },
      maxQueuedInputs: MAX_QUEUED,
      maxPendingProposals: MAX_QUEUED,
      proposalTimeoutMs: AGREEMENT_TRY_MS,
      readTimeoutMs: READ_TIMEOUT_MS,
      logStore: parts.logStore,
      transport: parts.transport,
      configuredPeers: members,
      stateMachine: machine,
      checkpoints:
        checkpointEvery === null
          ? null
          : { store: parts.checkpoints, stateMachine: machine, everyEntries: checkpointEvery, everyBytes: Infinity },
      clock: platform.clock,
      observer: this.observer(life),
      onLeaderRequest: async (_from, body) => body,
      incarnation,
    });
  }

  private observer(life: ProcessLife): ReplicaObserver {
    const { events, number } = this.options;
    return {
      roleChanged: ({ role, term }) => {
        if (role === 'leader' && !life.hasEnded) events.leads(term);
      },
      snapshotInstalled: () => {
        if (!life.hasEnded) events.snapshotInstalled();
      },
      failed: (error) => {
        if (!life.hasEnded) events.problem(`server ${number} failed: ${error.message}`);
      },
    };
  }
}
