export type {
  Checkpoint,
  CheckpointStore,
  CheckpointView,
  SnapshotInstallation,
  SnapshotStaging,
  StateChanges,
  StateRow,
  StateRowChange,
} from './ports/checkpoint-store.js';
export type { Clock, Timer } from './ports/clock.js';
export type { FounderStore, IdentityMessage, StoreClaim, StoreVerdict } from './ports/identity-messages.js';
export type {
  ClaimMark,
  IdentityStore,
  LossReason,
  NewHistory,
  PeerRecord,
  StoreId,
  StoreIdentity,
} from './ports/identity-store.js';
export type { DurableState, LogStore, LogStoreErrorCode, PersistBatch } from './ports/log-store.js';
export { MAX_READ_ROWS } from './ports/checkpoint-store.js';
export { LogStoreError } from './ports/log-store.js';
export type { ReplicaObserver } from './ports/observer.js';
export type {
  BulkMessage,
  PeerAddress,
  PeerMessage,
  PeerTransport,
  PeerTransportHandlers,
} from './ports/peer-transport.js';
export type { CheckpointedStateMachine, CommittedCommand, StateMachine, StateRestore } from './ports/state-machine.js';
export type { StoreVerifier, VerifiedPage } from './ports/store-verifier.js';
export type { RejoinReason } from './lost-history.js';
export { HistoryLostError } from './history-lost-error.js';
export type { IdentityOptions } from './node-identity.js';
export type {
  CheckpointOptions,
  ProposeOptions,
  Replica,
  ReplicaOptions,
  ReplicaPhase,
  ReplicaStatus,
} from './replica-api.js';
export { MAX_KEPT_CLAIMS, MAX_REMEMBERED_CLAIMS, MAX_SNAPSHOT_CHUNK_BYTES } from './limits.js';
export type { RememberedClaim } from './remembered-claims.js';
export { markOf, rememberedClaims } from './remembered-claims.js';
export { createReplica } from './create-replica.js';
export type { ReplicaErrorCode, RetryClass } from './replica-error.js';
export { ReplicaError } from './replica-error.js';
