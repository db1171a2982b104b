import type { LogIndex } from '@latchkey/raft';
import {
  encodeCommandBatch,
  leaseId,
  type Command,
  type CommandOrigin,
  type LeaseId,
  type Outcome,
} from '@latchkey/state-machine';
import { leaseRequestBody, type SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import type { Answer, Gateway } from './gateway.js';

export type ClientSettings = {
  readonly name: string;
  /** Distinguishes the lease ids of this client from those of all others. */
  readonly number: number;
  readonly ttlMs: number;
  /** Of one attempt. */
  readonly timeoutMs: number;
  /** After this the client gives up. */
  readonly deadlineMs: number;
  /** By how much, at the most, clocks of nodes run fast, as a part of one. */
  readonly maxDrift: number;
};

export type ClientWorld = {
  readonly world: World;
  readonly gateway: Gateway;
  readonly random: Random;
  /** Those that the client knows. */
  readonly nodes: readonly SimulatedNode[];
};

const RETRY_PAUSE_MS = { min: 2, max: 60 };
const NO_ORIGIN: CommandOrigin = { type: 'none' };

/**
 * A client's lease with its sequence numbers: sends a command to one node after the other, always under the same number,
 * until one answers; keeps the lease alive. The rules are those of the SDK (FAILURE-MODES 38, 43, 44).
 */
export class ClientSession {
  leaseId: LeaseId | null = null;
  /** True time until when the lease lives at the least, whatever the clocks of the nodes do. */
  aliveUntilMs = 0;
  isKeptAlive = true;
  private leaseCount = 0;
  private sequence = 0;
  private node: SimulatedNode;

  constructor(
    private readonly context: ClientWorld,
    private readonly settings: ClientSettings,
  ) {
    this.node = context.random.pick(context.nodes);
  }

  /** A new lease; false when none could be had. */
  async open(): Promise<boolean> {
    this.leaseCount += 1;
    const id = leaseId((this.settings.number * 2 ** 20 + this.leaseCount).toString(16).padStart(16, '0'));
    const sentAtMs = this.context.world.nowMs;
    if (!(await this.isGranted({ type: 'leaseGrant', leaseId: id, ttlMs: this.settings.ttlMs }))) return false;
    this.leaseId = id;
    this.sequence = 0;
    this.aliveUntilMs = 0;
    this.confirmed(id, sentAtMs);
    if (!this.isOpen) return false;
    void this.keepAlive(id);
    return true;
  }

  /** Asks for a lease id once, or (which the SDK does) until somebody answers. */
  private async isGranted(command: Command): Promise<boolean> {
    const { world, gateway, random, nodes } = this.context;
    if (world.plan.faults.repeatedGrant !== undefined) {
      const applied = await this.propose(NO_ORIGIN, command);
      // Its own earlier sending took effect: nobody else uses the id.
      const isRepeat = applied?.outcome.type === 'refused' && applied.outcome.code === 'LEASE_EXISTS';
      return isRepeat || applied?.outcome.type === 'leaseGranted';
    }
    const bytes = encodeCommandBatch({ origin: NO_ORIGIN, commands: [command] });
    const once = { timeoutMs: this.settings.timeoutMs, isSentOnce: true };
    const answer = await gateway.call(random.pick(nodes), once, (life) => life.replica.propose(bytes));
    return answer.type === 'ok' && answer.value.result.outcomes[0]?.type === 'leaseGranted';
  }

  get isOpen(): boolean {
    return this.leaseId !== null && this.context.world.nowMs < this.aliveUntilMs;
  }

  close(): void {
    this.leaseId = null;
  }

  /** The command's outcome; null when it is not known. Under a sequence of its own, so that it takes effect once. */
  async execute(command: Command): Promise<{ readonly index: LogIndex; readonly outcome: Outcome } | null> {
    if (this.leaseId === null) return null;
    this.sequence += 1;
    const origin = {
      type: 'session',
      leaseId: this.leaseId,
      acknowledgedThrough: this.sequence - 1,
      sequences: [this.sequence],
    } as const;
    const applied = await this.propose(origin, command);
    if (applied?.outcome.type !== 'refused') return applied;
    if (applied.outcome.code === 'SESSION_NOT_FOUND') {
      this.close();
      return null;
    }
    if (applied.outcome.code === 'SEQUENCE_ACKNOWLEDGED') {
      const message = `${this.settings.name} was told that it has the answer to ${this.sequence}, which it has not`;
      this.context.world.violate({ invariant: 'effectOnce', message });
    }
    return applied;
  }

  /** Asks one node after the other until one answers; null when the deadline passed before. */
  async ask<Value>(
    serve: (life: NonNullable<SimulatedNode['life']>) => Promise<Value>,
  ): Promise<{ readonly value: Value; readonly node: SimulatedNode } | null> {
    const { world, gateway, random } = this.context;
    const giveUpAtMs = world.nowMs + this.settings.deadlineMs;
    while (world.nowMs < giveUpAtMs) {
      const { node } = this;
      const answer: Answer<Value> = await gateway.call(node, this.settings, serve);
      if (answer.type === 'ok') return { value: answer.value, node };
      this.node = random.pick(this.context.nodes);
      await world.sleep(random.between(RETRY_PAUSE_MS.min, RETRY_PAUSE_MS.max));
    }
    return null;
  }

  private async propose(
    origin: CommandOrigin,
    command: Command,
  ): Promise<{ readonly index: LogIndex; readonly outcome: Outcome } | null> {
    const bytes = encodeCommandBatch({ origin, commands: [command] });
    const answer = await this.ask((life) => life.replica.propose(bytes));
    const outcome = answer?.value.result.outcomes[0];
    if (answer === null || outcome === undefined) return null;
    this.context.world.invariants.acknowledged({ client: this.settings.name, index: answer.value.index });
    return { index: answer.value.index, outcome };
  }

  private async keepAlive(id: LeaseId): Promise<void> {
    const { world, gateway, random } = this.context;
    while (this.leaseId === id) {
      await world.sleep(this.settings.ttlMs / 3);
      if (this.leaseId !== id || !this.isKeptAlive) continue;
      const sentAtMs = world.nowMs;
      const answer = await gateway.call(random.pick(this.context.nodes), this.settings, (life) =>
        life.replica.askLeader(leaseRequestBody(id)),
      );
      if (this.leaseId !== id || answer.type !== 'ok') continue;
      if (answer.value[0] === 1) this.confirmed(id, sentAtMs);
      else this.close();
    }
  }

  /** Counted from when the question was sent, by the fastest clock that there may be. */
  private confirmed(id: LeaseId, sentAtMs: number): void {
    const aliveUntilMs = sentAtMs + this.settings.ttlMs / (1 + this.settings.maxDrift);
    this.aliveUntilMs = Math.max(this.aliveUntilMs, aliveUntilMs);
    this.context.world.invariants.leaseConfirmed({ leaseId: id, aliveUntilMs });
  }
}
