import type { ConformanceCheck } from '../conformance-check.js';
import { checkpointModelCheck } from './checkpoint-model-check.js';
import type { CheckpointStoreFactory } from './checkpoint-store-place.js';
import { compactionChecks } from './compaction-checks.js';
import { fencingChecks } from './fencing-checks.js';
import { installChecks } from './install-checks.js';
import { rowChecks } from './row-checks.js';
import { saveChecks } from './save-checks.js';
import { viewChecks } from './view-checks.js';

/** Everything that the `CheckpointStore` port demands of a store and the log store beside it. */
export const checkpointStoreChecks: readonly ConformanceCheck<CheckpointStoreFactory>[] = [
  ...saveChecks,
  ...viewChecks,
  ...rowChecks,
  ...compactionChecks,
  ...installChecks,
  ...fencingChecks,
  checkpointModelCheck,
];
