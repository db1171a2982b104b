import type { ConformanceCheck } from '../conformance-check.js';
import { appendChecks } from './append-checks.js';
import { hardStateChecks } from './hard-state-checks.js';
import type { LogStoreFactory } from './log-store-place.js';
import { modelCheck } from './model-check.js';
import { ownershipChecks } from './ownership-checks.js';
import { truncationChecks } from './truncation-checks.js';

/** Everything that the `LogStore` port demands, as far as it can be shown without pulling the plug. */
export const logStoreChecks: readonly ConformanceCheck<LogStoreFactory>[] = [
  ...hardStateChecks,
  ...appendChecks,
  ...truncationChecks,
  ...ownershipChecks,
  modelCheck,
];
