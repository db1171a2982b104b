import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '../peers/poll.js';
import type { Cluster, System } from '../peers/system.js';
import { KEY_COUNT, KeySpace } from './bench-data.js';
import type { ComparisonSettings } from './comparison-settings.js';
import type { Sample } from './quantity.js';
import type { Workload } from './workload.js';

const WORKLOAD_LIMIT_MS = 30 * 60_000;
/** Latchkey's Postgres runs under another account when this process is root's, and must get through to its data. */
const DIRECTORY_MODE = 0o755;

export type StageListener = {
  readonly measured: (samples: readonly Sample[]) => void;
  readonly failed: (workload: string, message: string) => void;
};

/** Workloads of one stage on one system. One that fails is reported, and the next goes on with a fresh cluster. */
export class StageRun {
  #running: { readonly cluster: Cluster | null; readonly directory: string } | null = null;

  constructor(
    private readonly plan: {
      readonly system: System;
      readonly settings: ComparisonSettings;
      /** On a real disk: everything is written below it. */
      readonly dataFolder: string;
    },
    private readonly listener: StageListener,
  ) {}

  async run(workloads: readonly Workload[]): Promise<void> {
    const waiting = [...workloads];
    while (waiting.length > 0) {
      try {
        await this.#withCluster(await this.#create(), waiting);
      } catch (error) {
        // Without a cluster there is nothing to measure.
        for (const { name } of waiting.splice(0)) this.listener.failed(name, messageOf(error));
      } finally {
        await this.abandon();
      }
    }
  }

  /** Ends every server and removes every file. Whatever is measured meanwhile fails. */
  async abandon(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    await running.cluster?.stop();
    rmSync(running.directory, { recursive: true, force: true });
  }

  /** Takes from `waiting` what it has run: all, or up to and with one that fails. @throws when the cluster does not start */
  async #withCluster(cluster: Cluster, waiting: Workload[]): Promise<void> {
    await cluster.start();
    const client = await cluster.connect('load');
    const context = { cluster, client, keys: new KeySpace('bench', KEY_COUNT), settings: this.plan.settings };
    for (let workload = waiting.shift(); workload !== undefined; workload = waiting.shift()) {
      try {
        this.listener.measured(await within(workload.name, WORKLOAD_LIMIT_MS, workload.run(context)));
      } catch (error) {
        return this.listener.failed(workload.name, messageOf(error));
      }
    }
    await client.close();
  }

  async #create(): Promise<Cluster> {
    const { system, dataFolder } = this.plan;
    const directory = mkdtempSync(join(dataFolder, `bench-${system.name}-`));
    chmodSync(directory, DIRECTORY_MODE);
    this.#running = { cluster: null, directory };
    const cluster = await system.create(directory);
    this.#running = { cluster, directory };
    return cluster;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
