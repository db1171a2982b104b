import type { Ability, Cluster, Client } from '../peers/system.js';
import type { KeySpace } from './bench-data.js';
import type { ComparisonSettings } from './comparison-settings.js';
import type { Sample } from './quantity.js';

/** Workloads of one stage run one after the other on one cluster, each stage on a fresh one. */
export const STAGES = ['work', 'growth'] as const;
export type Stage = (typeof STAGES)[number];

export type WorkloadContext = {
  readonly cluster: Cluster;
  /** Of all workloads of the stage. */
  readonly client: Client;
  readonly keys: KeySpace;
  readonly settings: ComparisonSettings;
};

/** Written once, against any system. */
export interface Workload {
  /** For `--only`. */
  readonly name: string;
  readonly stage: Stage;
  readonly needs: readonly Ability[];
  /** Also when everything is to take two minutes. */
  readonly quick: boolean;
  /** @throws when what should have happened did not */
  run(context: WorkloadContext): Promise<readonly Sample[]>;
}
