import { encodeCommandBatch, revision } from '@latchkey/state-machine';
import type { ClientBeliefs, LockBelief, SessionBelief } from '../invariants/client-beliefs.js';
import { UNIQUE_VALUES_PREFIX } from '../invariants/effect-once.js';
import { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import { Bursts } from './bursts.js';
import { ClientNetwork } from './client-network.js';
import { DataClient } from './data-client.js';
import { FreshReader } from './fresh-reader.js';
import { HistoryRecorder } from './history-recorder.js';
import { LockClient } from './lock-client.js';
import { Prober } from './prober.js';
import { SdkClient, type ClientWorld } from './sdk-client.js';
import { Watcher } from './watcher.js';

/** How long a client's call may take. */
const REQUEST_TIMEOUTS_MS = [1_000, 3_000, 10_000];
const SHORT_REQUEST_TIMEOUT_MS = 150;
const PROBE_TIMEOUT_MS = 1_000;
const CLIENT_LOSS_MAX = 0.05;
const COMPACT_EVERY_MS = 500;
const COMPACT_BEHIND_MAX = 200;
/** What is watched: everything, and a part. */
const WATCHED_PREFIXES = ['', UNIQUE_VALUES_PREFIX];
const FIRST_WATCHER = 900;
const FIRST_PROBER = 1_000;
const CALM = { loss: 0, late: 0 };

/** All clients of a run. */
export class Workload implements ClientBeliefs {
  readonly history = new HistoryRecorder();
  grantCount = 0;
  /** Clients that have not ended yet. */
  runningCount = 0;
  private readonly lockClients: readonly LockClient[];
  private readonly dataClients: readonly DataClient[];
  private readonly watchers: readonly Watcher[];
  private readonly context: ClientWorld;
  private readonly rates: Random;
  private isOver = false;

  constructor(private readonly world: World) {
    const { plan } = world;
    const { clientDuplicate = 0, drop = 0 } = plan.faults;
    this.rates = new Random(plan.seed, 'client clocks');
    const rates = { late: clientDuplicate / 4, loss: CLIENT_LOSS_MAX * drop };
    const network = new ClientNetwork({
      queue: world.queue,
      random: new Random(plan.seed, 'client network'),
      nodes: world.nodes,
      rates: () => (world.areFaultsOver ? CALM : rates),
    });
    this.context = { world, network, random: new Random(plan.seed, 'clients') };
    world.onCommitted = (result) => this.history.applied(result.revisions);
    world.beliefs = this;
    const numbers = (count: number, first: number) => Array.from({ length: count }, (_, position) => first + position);
    this.dataClients = numbers(plan.clientCount, 1).map((number) => this.dataClient(number));
    this.lockClients = numbers(plan.lockClientCount, plan.clientCount + 1).map((number) => this.lockClient(number));
    this.watchers = WATCHED_PREFIXES.map((prefix, position) => {
      const sdk = this.sdkClient(`w${position + 1}`, FIRST_WATCHER + position);
      return new Watcher(this.context, sdk, prefix);
    });
  }

  begin(): void {
    const isOver = (): boolean => this.isOver;
    const reader = new FreshReader(this.context);
    for (const client of [...this.dataClients, ...this.lockClients, ...this.watchers, reader]) {
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

  *sessions(): Iterable<SessionBelief> {
    for (const { sdk } of [...this.dataClients, ...this.lockClients, ...this.watchers]) {
      const { session } = sdk;
      if (session !== null) yield session;
    }
  }

  *locks(): Iterable<LockBelief> {
    for (const { belief } of this.lockClients) if (belief !== null) yield belief;
  }

  /** Asks only these nodes, and is in a hurry. */
  prober(nodeIds: () => readonly string[]): Prober {
    const newClient = (number: number): SdkClient =>
      this.sdkClient(`p${number}`, FIRST_PROBER + number, PROBE_TIMEOUT_MS);
    return new Prober(this.context, this.history, { newClient, nodeIds });
  }

  private dataClient(number: number): DataClient {
    const { keyCount, thinkMs } = this.world.plan;
    return new DataClient(this.context, this.sdkClient(`c${number}`, number), {
      keyCount,
      thinkMs,
      history: this.history,
    });
  }

  private lockClient(number: number): LockClient {
    const { lockCount, faults } = this.world.plan;
    return new LockClient(this.context, this.sdkClient(`l${number}`, number), {
      lockCount,
      pauses: faults.clientPause !== undefined,
      onGranted: () => {
        this.grantCount += 1;
      },
    });
  }

  private sdkClient(name: string, number: number, requestTimeoutMs = this.requestTimeoutMs()): SdkClient {
    const { world } = this;
    return new SdkClient(this.context, {
      name,
      number,
      sessionTtlMs: world.plan.leaseTtlMs,
      requestTimeoutMs,
      clockRate: 1 + this.rates.between(-world.clockDrift, world.clockDrift),
      nodeClockRateMax: Math.max(...world.nodes.map(({ time }) => time.rate)),
    });
  }

  private requestTimeoutMs(): number {
    const isShort = this.world.plan.faults.shortTimeout !== undefined && this.rates.chance(0.5);
    return isShort ? SHORT_REQUEST_TIMEOUT_MS : this.rates.pick(REQUEST_TIMEOUTS_MS);
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
