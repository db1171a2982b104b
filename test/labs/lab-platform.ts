import type { NodeId } from '@latchkey/raft';
import type { CheckpointStore, Clock, LogStore, PeerTransport } from '@latchkey/replica';

/** What one process of a server is given from outside. */
export type ProcessParts = {
  readonly transport: PeerTransport;
  readonly logStore: LogStore;
  readonly checkpoints: CheckpointStore;
};

/** How often the long stories repeat what they do. */
export type LabRounds = {
  readonly figure8: number;
  readonly unreliableAgreements: number;
  readonly churn: number;
  readonly snapshots: number;
};

/** Where the stories take place: virtual time and memory, or sockets and Postgres. */
export interface LabPlatform extends AsyncDisposable {
  readonly clock: Clock;
  readonly rounds: LabRounds;
  /** A write takes this long before it begins to be durable, and is lost when the process ends meanwhile. */
  readonly writeDelayMs: number;
  /** Whether nothing but the story takes time, so that what should not happen by the clock never does. */
  readonly isTimeExact: boolean;
  /** For a new process of `node`, on what the processes before have left behind. */
  open(node: NodeId): Promise<ProcessParts>;
  /** The process of `node` listens. */
  listens(node: NodeId): Promise<void>;
  /** The process of `node` is gone, and its listener with it. */
  gone(node: NodeId): void;
  /** Lets messages through between two nodes, or loses them without telling anybody. */
  setLinked(one: NodeId, two: NodeId, isLinked: boolean): Promise<void>;
  /** Bytes that all nodes together have sent so far. */
  sentBytes(): number;
  /** Bytes of the log that `node` has in its store, whether the node runs or not. */
  logBytes(node: NodeId): Promise<number>;
  /** Runs `story` to its end; time goes on meanwhile. @throws what it throws; Error when it takes longer than a lab test may */
  run(story: () => Promise<void>): Promise<void>;
}
