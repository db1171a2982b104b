export type { ConformanceCheck, TestRunner } from './conformance-check.js';
export { registerConformance } from './conformance-check.js';
export { checkpointStoreChecks } from './checkpoint-store/checkpoint-store-checks.js';
export type {
  CheckpointStoreFactory,
  CheckpointStorePlace,
  InterruptibleCheckpointStoreFactory,
  InterruptibleCheckpointStorePlace,
  NodeStores,
} from './checkpoint-store/checkpoint-store-place.js';
export { interruptedCheckpointChecks } from './checkpoint-store/interrupted-checkpoint-checks.js';
export { damagedIdentityStoreChecks } from './identity-store/damaged-identity-checks.js';
export { identityStoreChecks } from './identity-store/identity-store-checks.js';
export type {
  DamageableIdentityStoreFactory,
  DamageableIdentityStorePlace,
  IdentityStoreFactory,
  IdentityStorePlace,
  IdentityStores,
} from './identity-store/identity-store-place.js';
export { interruptedPersistChecks } from './log-store/interrupted-persist-checks.js';
export { logStoreChecks } from './log-store/log-store-checks.js';
export type {
  InterruptibleLogStoreFactory,
  InterruptibleLogStorePlace,
  LogStoreFactory,
  LogStorePlace,
} from './log-store/log-store-place.js';
export { peerTransportChecks } from './peer-transport/peer-transport-checks.js';
export type { TransportCluster, TransportClusterFactory } from './peer-transport/transport-cluster.js';
