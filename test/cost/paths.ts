import type { MeasuredPath } from './measured-path.js';

/** What the guard watches, by the names in `stored-costs.json`. Each is loaded only by the process that measures it. */
export const PATHS: Readonly<Record<string, () => Promise<MeasuredPath>>> = {
  batchedPuts: async () => (await import('./write-paths.js')).batchedPuts(),
  singlePuts: async () => (await import('./write-paths.js')).singlePuts(),
  locks: async () => (await import('./write-paths.js')).locks(),
  gatewayEdge: async () => (await import('./gateway-path.js')).gatewayEdge(),
  clientPuts: async () => (await import('./client-path.js')).clientPuts(),
  checkpointedVersions: async () => (await import('./checkpoint-path.js')).checkpointedVersions(),
};

export const PATH_NAMES: readonly string[] = Object.keys(PATHS);
