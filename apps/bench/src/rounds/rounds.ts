import { connect, type Latchkey } from '@latchkey/sdk';
import { poll } from '../cluster/poll.js';
import { ProcessCluster } from '../cluster/process-cluster.js';
import { KEY_PREFIX } from './chapter.js';
import { problemsOfChapter } from './chapter-check.js';
import { describeFault, planFaults, strike, type Fault } from './fault.js';
import { Ledger } from './ledger.js';
import { RoundLoad } from './round-load.js';
import { SeededRandom } from './seeded-random.js';
import { problemsOfStates } from './state-agreement.js';

export type RoundsOptions = {
  readonly rounds: number;
  readonly seed: number;
  /** A line for a person. */
  readonly log: (line: string) => void;
  /** LATCHKEY_… variables for all nodes. */
  readonly settings?: Readonly<Record<string, string>>;
};

/** One kill, and what users noticed of it. */
export type Round = {
  readonly killed: string;
  /** The longest time without an acknowledged put. */
  readonly longestGapMs: number;
  /** From the kill until all nodes were ready again. */
  readonly readyAfterMs: number;
};

export type RoundsSummary = {
  /** Those that came to their end. */
  readonly rounds: readonly Round[];
  readonly acknowledgedPuts: number;
  readonly unknownPuts: number;
  readonly lockGrants: number;
  readonly unaskedEnds: number;
  /** Empty: nothing acknowledged was lost, nothing was invented, all nodes agree. */
  readonly problems: readonly string[];
};

const ROUNDS_PER_CHAPTER = 10;
/** Before each fault and after it. */
const PUTS_BETWEEN = 150;
const RECOVERY_LIMIT_MS = 600_000;
const WATCH_LIMIT_MS = 600_000;

/**
 * Kills processes of a cluster under load, round after round, and looks after each one whether everything that was acknowledged
 * is there. Stops at the first round with a problem, so that its data can be looked at.
 */
export async function runRounds(options: RoundsOptions): Promise<RoundsSummary> {
  const { rounds, seed, log, settings = {} } = options;
  const random = new SeededRandom(seed);
  await using cluster = await ProcessCluster.start({ settings });
  await using watcher = await connect({ endpoints: cluster.endpoints, requestTimeoutMs: RECOVERY_LIMIT_MS });
  await using load = await RoundLoad.connect(cluster.endpoints, random);
  const run = new RoundsRun({ cluster, watcher, load, log });
  try {
    for (const [at, fault] of planFaults(rounds, cluster.ids, random).entries()) {
      await run.round(at + 1, fault);
      if ((at + 1) % ROUNDS_PER_CHAPTER === 0 || at + 1 === rounds) await run.endChapter();
      if (run.problems.length > 0) break;
    }
  } catch (error) {
    run.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  if (run.problems.length > 0) {
    cluster.keepData();
    log(`data and logs of the nodes are kept in ${cluster.directory}`);
  }
  return run.summary();
}

type RunParts = {
  readonly cluster: ProcessCluster;
  readonly watcher: Latchkey;
  readonly load: RoundLoad;
  readonly log: (line: string) => void;
};

class RoundsRun {
  readonly problems: string[] = [];
  private readonly ledger = new Ledger();
  private readonly rounds: Round[] = [];
  private unknownPuts = 0;
  private lockGrants = 0;
  private unaskedEnds = 0;
  private latestRevision = 0;
  /** Of a key, as any node showed it. */
  private latestShownRevision = 0;
  private watchedRevision = 0;

  constructor(private readonly parts: RunParts) {
    void this.follow().catch((error: unknown) => this.problems.push(`the watch has ended: ${String(error)}`));
  }

  async round(number: number, fault: Fault): Promise<void> {
    const { cluster, load, log } = this.parts;
    load.resume();
    await load.progress(PUTS_BETWEEN, RECOVERY_LIMIT_MS);
    load.measureGaps();
    const { killedAtMs } = await strike(cluster, fault);
    await load.progress(1, RECOVERY_LIMIT_MS);
    await cluster.allReady();
    const readyAfterMs = performance.now() - killedAtMs;
    await load.progress(PUTS_BETWEEN, RECOVERY_LIMIT_MS);
    await load.quiet();
    const problemsBefore = this.problems.length;
    const stateHash = await this.checkQuietCluster();
    const ends = cluster.takeUnaskedEnds();
    const round = { killed: describeFault(fault), longestGapMs: load.longestGapMs, readyAfterMs };
    this.rounds.push(round);
    this.unaskedEnds += ends.length;
    log(
      [
        `round ${String(number).padStart(3)}`,
        `killed ${round.killed.padEnd(14)}`,
        `no write for ${seconds(round.longestGapMs)}`,
        `all ready after ${seconds(readyAfterMs)}`,
        `${load.acknowledged} acknowledged`,
        `revision ${this.latestRevision}`,
        `state ${stateHash}`,
        ...ends.map(({ id, code, signal }) => `${id} ended by itself (${String(code ?? signal)})`),
        this.problems.length === problemsBefore ? 'ok' : 'PROBLEM',
      ].join('  '),
    );
  }

  /** While it is quiet: checks the whole history of the last rounds, and forgets it. */
  async endChapter(): Promise<void> {
    const { load, log } = this.parts;
    await poll('the watch to catch up', WATCH_LIMIT_MS, () =>
      this.watchedRevision >= this.latestShownRevision ? true : null,
    );
    const chapter = load.beginChapter();
    this.problems.push(...problemsOfChapter(chapter));
    const unknown = chapter.operations.filter(
      ({ type, ending }) => type === 'write' && ending.type === 'unknown',
    ).length;
    const grants = chapter.lockOperations.filter(
      ({ ending }) => ending.type === 'ok' && ending.result.type === 'acquired',
    );
    this.unknownPuts += unknown;
    this.lockGrants += grants.length;
    log(
      `chapter ${chapter.number}: ${chapter.operations.length} operations (${unknown} puts without an answer) and ${grants.length} ` +
        `grants of locks checked: ${this.problems.length === 0 ? 'linearizable' : `${this.problems.length} PROBLEMS`}`,
    );
  }

  summary(): RoundsSummary {
    const { rounds, unknownPuts, lockGrants, unaskedEnds, problems } = this;
    const acknowledgedPuts = this.parts.load.acknowledged;
    return { rounds: [...rounds], acknowledgedPuts, unknownPuts, lockGrants, unaskedEnds, problems: [...problems] };
  }

  /** @returns the state hash of all nodes, or of each where they differ */
  private async checkQuietCluster(): Promise<string> {
    const { cluster, load } = this.parts;
    this.ledger.enter(load.chapter.operations);
    const statuses = await cluster.settled();
    this.problems.push(...problemsOfStates(statuses, this.latestRevision));
    this.latestRevision = Math.max(this.latestRevision, ...statuses.map(({ revision }) => revision));
    for (const id of cluster.ids) await this.checkNode(id);
    return [...new Set(statuses.map(({ stateHash }) => stateHash))].join(' ≠ ');
  }

  /** Every key ever written, read there and linearizably. */
  private async checkNode(id: string): Promise<void> {
    const endpoints = [this.parts.cluster.url(id)];
    await using client = await connect({ endpoints, requestTimeoutMs: RECOVERY_LIMIT_MS });
    const { entries, revision, more } = await client.kv.range({ prefix: KEY_PREFIX });
    if (more) this.problems.push(`${id} showed ${entries.length} keys, not all`);
    this.latestRevision = Math.max(this.latestRevision, revision);
    for (const { modRevision } of entries) this.latestShownRevision = Math.max(this.latestShownRevision, modRevision);
    this.problems.push(...this.ledger.problems(entries).map((problem) => `${id}: ${problem}`));
  }

  /** One watch over all rounds: each change once, in order, whatever is killed. */
  private async follow(): Promise<void> {
    const { watcher, load } = this.parts;
    for await (const { key, revision, entry } of watcher.kv.watch({ prefix: KEY_PREFIX }, { fromRevision: 1 })) {
      if (!load.chapter.owns(key)) this.problems.push(`a change of ${key} came after the end of its chapter`);
      load.chapter.applied.push({ revision, key, value: entry?.text() ?? null });
      this.watchedRevision = revision;
    }
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
