import { Client } from 'pg';
import { pause } from '../cluster/poll.js';
import type { ProcessCluster } from '../cluster/process-cluster.js';

const INTERVAL_MS = 2_000;

/** Looks again and again how large the databases of a cluster are, between compactions as well as after them. */
export class DatabaseSizes implements AsyncDisposable {
  private readonly most = new Map<string, number>();
  private isRunning = true;
  private failure: unknown = null;
  private readonly watching: Promise<void>;

  private constructor(private readonly clients: ReadonlyMap<string, Client>) {
    this.watching = this.watch();
  }

  static async watch(cluster: ProcessCluster): Promise<DatabaseSizes> {
    const opened = cluster.ids.map(async (id) => {
      const client = new Client({ connectionString: cluster.member(id).databaseUrl });
      // Its Postgres ends before it does when the measurement is stopped.
      client.on('error', () => undefined);
      await client.connect();
      return [id, client] as const;
    });
    return new DatabaseSizes(new Map(await Promise.all(opened)));
  }

  /**
   * Tables and indexes with their waste, without the write-ahead log, whose size Postgres bounds by itself.
   * @returns bytes per node, the most since the last call @throws what a look has failed with
   */
  async takeMost(): Promise<ReadonlyMap<string, number>> {
    await this.look();
    if (this.failure !== null) throw this.failure;
    const taken = new Map(this.most);
    this.most.clear();
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isRunning = false;
    await this.watching;
    await Promise.all([...this.clients.values()].map((client) => client.end().catch(() => undefined)));
  }

  private async watch(): Promise<void> {
    try {
      while (this.isRunning) {
        await this.look();
        await pause(INTERVAL_MS);
      }
    } catch (error) {
      this.failure = error;
    }
  }

  private async look(): Promise<void> {
    for (const [id, client] of this.clients) {
      const { rows } = await client.query<{ size: string }>('SELECT pg_database_size(current_database()) AS size');
      this.most.set(id, Math.max(this.most.get(id) ?? 0, Number(rows[0]?.size)));
    }
  }
}
