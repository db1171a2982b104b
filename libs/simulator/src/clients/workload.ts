import { encodeCommandBatch, revision } from '@latchkey/state-machine';
import type { SimulatedNode } from '../node/simulated-node.js';
import { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import { Bursts } from './bursts.js';
import { DataClient } from './data-client.js';
import { FreshReader } from './fresh-reader.js';
import { Gateway } from './gateway.js';
import { HistoryRecorder } from './history-recorder.js';
import { LockClient } from './lock-client.js';
import { Prober } from './prober.js';
import { ClientSession, type ClientWorld } from './session.js';
import { Watcher } from './watcher.js';

const ATTEMPT_TIMEOUT_MS = 1_000;
const SHORT_ATTEMPT_TIMEOUT_MS = 30;
const OPERATION_DEADLINES_MS = [1_000, 3_000, 10_000];
const CLIENT_LOSS_MAX = 0.1;
const COMPACT_EVERY_MS = 500;
const COMPACT_BEHIND_MAX = 200;
const WATCHERS = 2;
const FIRST_PROBER = 1_000;
const CALM = { duplicate: 0, loss: 0 };
/** Of a clock, at full intensity; see the nodes' clock rates. */
export const MAX_CLOCK_DRIFT = 0.1;

/** All clients of a run. */
export class Workload {
  readonly history = new HistoryRecorder();
  readonly lockClients: readonly LockClient[];
  readonly dataClients: readonly DataClient[];
  grantCount = 0;
  /** Clients that have not ended yet. */
  runningCount = 0;
  private readonly context: ClientWorld;
  private isOver = false;

  constructor(private readonly world: World) {
    const { plan } = world;
    const { clientDuplicate = 0, drop = 0 } = plan.faults;
    const random = new Random(plan.seed, 'clients');
    const rates = { duplicate: clientDuplicate / 2, loss: CLIENT_LOSS_MAX * drop };
    const gateway = new Gateway(world, new Random(plan.seed, 'gateway'), rates);
    this.context = { world, random, gateway, nodes: world.nodes };
    world.onCommitted = (result) => this.history.applied(result.revisions);
    this.dataClients = Array.from({ length: plan.clientCount }, (_, position) => this.dataClient(position + 1));
    this.lockClients = Array.from({ length: plan.lockClientCount }, (_, position) =>
      this.lockClient(plan.clientCount + position + 1),
    );
  }

  begin(): void {
    const isOver = (): boolean => this.isOver;
    const readers = [new FreshReader(this.context)];
    const watchers = Array.from({ length: WATCHERS }, (_, position) => new Watcher(this.context, `w${position + 1}`));
    for (const client of [...this.dataClients, ...this.lockClients, ...watchers, ...readers]) {
      this.runningCount += 1;
      void client.run(isOver).then(() => {
        this.runningCount -= 1;
      });
    }
    const { burst } = this.world.plan.faults;
    if (burst !== undefined) void new Bursts(this.context, this.history, burst).run(isOver);
    if (this.world.plan.faults.compaction !== undefined) void this.compact();
  }

  /** Clients finish what they have begun. */
  end(): void {
    this.isOver = true;
  }

  /** Asks only these nodes, and is in a hurry. */
  prober(nodes: () => readonly SimulatedNode[]): Prober {
    const { plan } = this.world;
    const context = {
      ...this.context,
      gateway: new Gateway(this.world, new Random(plan.seed, 'prober'), CALM),
      get nodes() {
        return nodes();
      },
    };
    return new Prober(context, this.history, (number) =>
      this.session(`p${number}`, FIRST_PROBER + number, { context, timeoutMs: ATTEMPT_TIMEOUT_MS }),
    );
  }

  private dataClient(number: number): DataClient {
    const { keyCount, thinkMs } = this.world.plan;
    const name = `c${number}`;
    return new DataClient(this.context, this.session(name, number), { name, keyCount, thinkMs, history: this.history });
  }

  private session(
    name: string,
    number: number,
    { context = this.context, timeoutMs = this.attemptTimeoutMs } = {},
  ): ClientSession {
    const { leaseTtlMs, faults } = this.world.plan;
    return new ClientSession(context, {
      name,
      number,
      ttlMs: leaseTtlMs,
      timeoutMs,
      deadlineMs: this.context.random.pick(OPERATION_DEADLINES_MS),
      maxDrift: MAX_CLOCK_DRIFT * (faults.clockDrift ?? 0),
    });
  }

  private get attemptTimeoutMs(): number {
    return this.world.plan.faults.shortTimeout === undefined ? ATTEMPT_TIMEOUT_MS : SHORT_ATTEMPT_TIMEOUT_MS;
  }

  private lockClient(number: number): LockClient {
    const { lockCount, leaseTtlMs, faults } = this.world.plan;
    const name = `l${number}`;
    return new LockClient(this.context, this.session(name, number), {
      name,
      lockCount,
      ttlMs: leaseTtlMs,
      pauses: faults.clientPause !== undefined,
      onGranted: () => {
        this.grantCount += 1;
      },
    });
  }

  private async compact(): Promise<void> {
    const { world, random } = this.context;
    while (!this.isOver) {
      await world.sleep(random.exponential(COMPACT_EVERY_MS));
      const life = random.pick(world.nodes).life;
      if (life === null) continue;
      const target = Math.max(0, life.reader.revision - random.integer(0, COMPACT_BEHIND_MAX));
      if (target <= life.reader.compactRevision) continue;
      const commands = [{ type: 'compact', revision: revision(target) } as const];
      // Whether it works does not matter.
      life.replica.propose(encodeCommandBatch({ origin: { type: 'none' }, commands })).catch(() => undefined);
    }
  }
}
