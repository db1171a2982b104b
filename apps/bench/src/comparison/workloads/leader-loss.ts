import { setTimeout as sleep } from 'node:timers/promises';
import { pollFor } from '../../peers/poll.js';
import type { Client, Cluster, Member } from '../../peers/system.js';
import { KeySpace, writeOf } from '../bench-data.js';
import type { Sample } from '../quantity.js';
import { WORKLOAD_NAMES } from '../workload-names.js';
import type { Workload } from '../workload.js';
import { longestGapMs } from './longest-gap.js';
import { fill } from './load-workloads.js';
import { sendSteadily } from './steady-sender.js';

const WRITES_PER_SECOND = 100;
/** Written before the leader is lost, so that the gap has a beginning. */
const STEADY_WRITES = 50;
/** Writes that must succeed after the loss before a round is over: one success may be followed by another gap. */
const WRITES_AFTER = 100;
/** A longer gap is not waited for; it counts as this long. */
const GAP_LIMIT_MS = 20_000;
const ROUND_LIMIT_WRITES = (GAP_LIMIT_MS / 1000) * WRITES_PER_SECOND;
/** More than the writes of one round, so that each has a key of its own and can be checked. */
const ROUND_KEYS = 3_000;
const CHECKED_WRITES = 100;
const CHECK_LIMIT_MS = 60_000;
/** Whether a write is lost, or was only not seen yet. */
const SECOND_LOOK_MS = 10_000;

type Loss = {
  readonly workload: string;
  readonly lose: (leader: Member) => void;
  readonly mend: (leader: Member) => void;
};

const signal = (name: NodeJS.Signals) => (leader: Member) => void process.kill(leader.pid, name);

const leaderLoss = (quick: boolean, loss: Loss, name: string): Workload => ({
  name,
  stage: 'work',
  needs: ['kv', 'leader'],
  quick,
  run: async ({ cluster, settings }) => {
    const client = await cluster.connect('failover');
    try {
      // Not those of the other workloads: which of the writes that fail have happened nobody knows.
      const keys = new KeySpace(`lost-${name}`, ROUND_KEYS);
      await fill({ client, keys });
      const samples: Sample[] = [];
      for (let round = 0; round < settings.failureRounds; round += 1) {
        samples.push(...(await measureRound(cluster, new Round(client, keys), loss)));
      }
      return samples;
    } finally {
      await client.close();
    }
  },
});

export const LEADER_LOSS_WORKLOADS: readonly Workload[] = [
  leaderLoss(
    true,
    { workload: WORKLOAD_NAMES.leaderKilled, lose: signal('SIGKILL'), mend: () => undefined },
    'failover',
  ),
  leaderLoss(false, { workload: WORKLOAD_NAMES.leaderHung, lose: signal('SIGSTOP'), mend: signal('SIGCONT') }, 'hang'),
];

async function measureRound(cluster: Cluster, round: Round, loss: Loss): Promise<readonly Sample[]> {
  const leader = await cluster.settledLeader();
  let lost = false;
  const loseOnce = () => {
    if (lost || round.succeeded < STEADY_WRITES) return;
    lost = true;
    round.leaderIsLost(performance.now());
    loss.lose(leader);
  };
  try {
    await sendSteadily({ perSecond: WRITES_PER_SECOND, shouldStop: () => round.isOver }, async () => {
      await round.write();
      loseOnce();
    });
  } finally {
    if (lost) loss.mend(leader);
  }
  await heal(cluster);
  await round.check();
  return [
    { workload: loss.workload, quantity: 'gapMs', value: round.gapMs },
    { workload: loss.workload, quantity: 'failedWrites', value: round.failed },
  ];
}

async function heal(cluster: Cluster): Promise<void> {
  await cluster.revive();
  await cluster.settledLeader();
}

/** The writes of one round, and when they were acknowledged. */
class Round {
  readonly #acknowledgedMs: number[] = [];
  readonly #acknowledged: { readonly key: string; readonly value: Uint8Array }[] = [];
  #lostMs: number | null = null;
  #afterLoss = 0;
  #sentAfterLoss = 0;
  failed = 0;

  constructor(
    private readonly client: Client,
    private readonly keys: KeySpace,
  ) {}

  get succeeded(): number {
    return this.#acknowledgedMs.length;
  }

  get isOver(): boolean {
    return this.#afterLoss >= WRITES_AFTER || this.#sentAfterLoss >= ROUND_LIMIT_WRITES;
  }

  get gapMs(): number {
    if (this.#lostMs === null) throw new Error('the leader was never lost');
    return this.#afterLoss === 0 ? GAP_LIMIT_MS : longestGapMs(this.#acknowledgedMs, this.#lostMs);
  }

  leaderIsLost(nowMs: number): void {
    this.#lostMs = nowMs;
  }

  async write(): Promise<void> {
    const sentAfterLoss = this.#lostMs !== null;
    if (sentAfterLoss) this.#sentAfterLoss += 1;
    const { key, value } = this.keys.next();
    try {
      await this.client.put(key, value);
    } catch (error) {
      this.failed += 1;
      throw error;
    }
    this.#acknowledgedMs.push(performance.now());
    this.#acknowledged.push({ key, value });
    if (sentAfterLoss) this.#afterLoss += 1;
  }

  /** @throws when a write that was acknowledged is not there */
  async check(): Promise<void> {
    const step = Math.ceil(this.#acknowledged.length / CHECKED_WRITES);
    for (const { key, value } of this.#acknowledged.filter((_, position) => position % step === 0)) {
      const [acknowledged, found] = [writeOf(value), writeOf(await this.#readPatiently(key))];
      if (found === acknowledged) continue;
      await sleep(SECOND_LOOK_MS);
      const later = writeOf(await this.#readPatiently(key));
      const since = `after ${SECOND_LOOK_MS / 1000} s it has ${later}`;
      throw new Error(`${key} has write ${found}, but ${acknowledged} was acknowledged; ${since}`);
    }
  }

  /** The client may only now notice that a connection which hung is of no use any more. */
  async #readPatiently(key: string): Promise<Uint8Array | null> {
    const read = async () => ({ value: await this.client.get(key) });
    return (await pollFor({ what: `a read of ${key}`, timeoutMs: CHECK_LIMIT_MS, read })).value;
  }
}
