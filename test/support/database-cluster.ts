import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeDatabase } from './node-database.js';
import { RecordedLoad } from './recorded-load.js';
import { TestCluster } from './test-cluster.js';
import { waitFor } from './wait-for.js';

const IDS = ['n1', 'n2', 'n3'] as const;
const ANSWER_MS = 5_000;
/** Generous: a busy machine may need most of it for the start of one process. */
const PATIENCE_MS = 60_000;
const WRITES_BEFORE_AND_AFTER = 30;

/** FAILURE-MODES 30: so long for another leader. A write that hangs is given up after 6 s. */
export const MAX_GAP_MS = 10_000;
/** A node asks its database again after 2 s at the latest. */
export const MAX_RETURN_MS = 10_000;

/** How a fault was felt. */
export type Felt = {
  /** The longest time without an acknowledged write. */
  readonly gapMs: number;
  /** From the moment when the database was well again until the node had everything in it and was ready. */
  readonly backMs: number;
};

export type DatabaseClusterOptions = {
  /** Where the database of a node is, other than in the directory for temporary files. */
  readonly directories?: ReadonlyMap<string, string>;
  /** See `NodeDatabase.allowStandby`. */
  readonly allowStandby?: boolean;
};

/** Three real nodes, each with a Postgres server of its own behind a wire, and clients whose every answer is recorded. */
export class DatabaseCluster implements AsyncDisposable {
  private constructor(
    private readonly directory: string,
    private readonly databases: ReadonlyMap<string, NodeDatabase>,
    readonly nodes: TestCluster,
    readonly load: RecordedLoad,
  ) {}

  static async start({ directories, allowStandby = false }: DatabaseClusterOptions = {}): Promise<DatabaseCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'latchkey-databases-'));
    const started = await Promise.all(
      IDS.map(async (id) => [id, await NodeDatabase.start(directories?.get(id) ?? join(directory, id))] as const),
    );
    const databases = new Map<string, NodeDatabase>(started);
    const databaseUrls = new Map(started.map(([id, database]) => [id, database.urlOverWire]));
    try {
      if (allowStandby) await Promise.all(started.map(([, database]) => database.allowStandby()));
      const nodes = await TestCluster.start({ databaseUrls });
      return new DatabaseCluster(directory, databases, nodes, await RecordedLoad.start(nodes.endpoints));
    } catch (error) {
      await removeAll(databases, directory);
      throw error;
    }
  }

  database(id: string): NodeDatabase {
    const database = this.databases.get(id);
    if (database === undefined) throw new Error(`no database of ${id}`);
    return database;
  }

  othersThan(id: string): readonly string[] {
    return IDS.filter((other) => other !== id);
  }

  /** Makes `id` the leader. */
  async letLead(id: string): Promise<void> {
    const url = `${this.nodes.url(id)}/v1/leadership/transfer`;
    const ask = async () => {
      if ((await this.nodes.leader()) === id) return true;
      await fetch(url, { method: 'POST', body: JSON.stringify({ to: id }), signal: AbortSignal.timeout(ANSWER_MS) });
      return null;
    };
    await waitFor(`${id} to lead`, ask, PATIENCE_MS);
  }

  /**
   * Runs a story that breaks the database of `node` and ends when it is well again, under load; then waits for the node,
   * which must come back by itself.
   */
  async survive(node: string, title: string, story: () => Promise<void>): Promise<Felt> {
    await this.load.more(WRITES_BEFORE_AND_AFTER);
    this.nodes.forgetOutput();
    const beganAtMs = performance.now();
    await story();
    const healedAtMs = performance.now();
    await this.isBack(node);
    const backMs = Math.round(performance.now() - healedAtMs);
    await this.load.more(WRITES_BEFORE_AND_AFTER);
    const gapMs = Math.round(this.load.longestGapMs(beganAtMs));
    console.info(`${title}: ${gapMs} ms without an acknowledged write, ${node} back after ${backMs} ms`);
    return { gapMs, backMs };
  }

  /** Resolves when the node is ready, and what the leader has now is durable in its database. */
  private async isBack(id: string): Promise<void> {
    await waitFor(
      () => `${id} to be back: ${this.nodes.output(id).slice(-2_000)}`,
      async () => {
        if (!this.nodes.runningIds.includes(id)) throw new Error(`${id} has ended`);
        const { lastLogIndex } = await this.nodes.status(await this.nodes.leader());
        return (await this.isReady(id)) && (await this.database(id).lastLogIndex()) >= lastLogIndex ? true : null;
      },
      PATIENCE_MS,
    );
  }

  async isReady(id: string): Promise<boolean> {
    return (await fetch(`${this.nodes.url(id)}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) })).ok;
  }

  /** Resolves when the node is not ready, and says in `/readyz` and in its status that its database is the reason. */
  async blames(id: string, trouble: RegExp): Promise<void> {
    let seen: readonly string[] = [];
    const probe = async () => {
      const answer = await fetch(`${this.nodes.url(id)}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) });
      const { storeTrouble } = await this.nodes.status(id);
      seen = [answer.ok ? 'ready' : await answer.text(), storeTrouble ?? ''];
      return seen.every((text) => trouble.test(text)) ? true : null;
    };
    await waitFor(() => `${id} to blame ${trouble}; last: ${seen.join(' | ')}`, probe, PATIENCE_MS);
  }

  /** Resolves when the node has told its log so, since the log was last forgotten. */
  async says(id: string, words: string): Promise<void> {
    await waitFor(
      () => `${id} to say "${words}": ${this.nodes.output(id)}`,
      () => (this.nodes.output(id).includes(words) ? true : null),
      PATIENCE_MS,
    );
  }

  /** Up to where the leader believes that the node's log is durable. */
  async toldDurable(id: string, leader: string): Promise<number> {
    const response = await fetch(`${this.nodes.url(leader)}/v1/members`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { members } = (await response.json()) as { members: { id: string; matchIndex: number | null }[] };
    return members.find((member) => member.id === id)?.matchIndex ?? 0;
  }

  /** All nodes and all servers die at once and are started again. Ends the load first. */
  async blackout(): Promise<void> {
    await this.load.stop();
    await Promise.all(IDS.map((id) => this.nodes.kill(id)));
    await Promise.all([...this.databases.values()].map((database) => database.stop('kill')));
    await Promise.all([...this.databases.values()].map((database) => database.startAgain()));
    for (const id of IDS) this.nodes.startNode(id);
    await this.nodes.leader();
  }

  /** One hash when all nodes have applied the same entries. */
  async stateHashes(): Promise<ReadonlySet<string>> {
    return new Set((await this.nodes.settled()).map(({ stateHash }) => stateHash));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.load.stop().catch(() => undefined);
    await this.nodes[Symbol.asyncDispose]();
    await removeAll(this.databases, this.directory);
  }
}

async function removeAll(databases: ReadonlyMap<string, NodeDatabase>, directory: string): Promise<void> {
  await Promise.all([...databases.values()].map((database) => database[Symbol.asyncDispose]()));
  await rm(directory, { recursive: true, force: true });
}
