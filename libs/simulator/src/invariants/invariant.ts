import type { HardState, LogEntry, LogIndex, LogPosition, NodeId, Role, SnapshotMeta, Term } from '@latchkey/raft';
import type { PeerMessage, ReplicaStatus } from '@latchkey/replica';
import type { ApplyResult, ColdKeyRecord } from '@latchkey/state-machine';

/** What invariants may look at on a disk. */
export type DiskView = {
  readonly hardState: HardState;
  /** The last entry that the log no longer holds. */
  readonly base: LogPosition;
  readonly checkpoint: SnapshotMeta | null;
  readonly lastIndex: LogIndex;
  /** A number for the log up to and including `index`; null when the disk does not reach it, or not back to it. */
  chainAt(index: number): number | null;
  termAt(index: number): Term | null;
  entryAt(index: number): LogEntry | null;
  /** What was there before some of it was taken away, as long as others may count on it. */
  readonly before?: DiskView | null;
  /** Grows when the history is another one: what was promised before binds nobody. */
  readonly historyCount?: number;
  readonly damage?: { readonly type: string } | null;
  readonly identity?: { readonly lost: string | null };
};

export type DiskFact = {
  readonly node: NodeId;
  readonly before: HardState;
  readonly after: HardState;
  readonly removedFrom: LogIndex | null;
  readonly removedChains: readonly number[];
  readonly appended: readonly LogEntry[];
  readonly disk: DiskView;
};

/** Checkpoint or base of a disk have changed; an installation is told as a change of the log first. */
export type CheckpointFact = {
  readonly node: NodeId;
  readonly kind: 'save' | 'compact' | 'install';
  readonly baseBefore: LogIndex;
  readonly checkpointBefore: LogIndex;
  readonly disk: DiskView;
};

/** A state machine was given a state in the place of entries. */
export type RestoredFact = { readonly node: NodeId; readonly position: LogPosition; readonly stateHash: string };

export type RoleFact = {
  readonly node: NodeId;
  readonly role: Role;
  readonly term: Term;
  readonly status: ReplicaStatus;
};

export type AppliedFact = {
  readonly node: NodeId;
  readonly index: LogIndex;
  readonly term: Term;
  /** Null for an entry without one. */
  readonly command: Uint8Array | null;
  /** Null: not asked. */
  readonly stateHash: string | null;
  /** Null for an entry without a command. */
  readonly result: ApplyResult | null;
  /** No node had applied this index before. */
  readonly isFirst: boolean;
  readonly nowMs: number;
};

/** After a turn of a node's driver. `process` names the life it happened in. */
export type TurnFact = { readonly node: NodeId; readonly process: number; readonly status: ReplicaStatus };

export type SentFact = { readonly from: NodeId; readonly to: NodeId; readonly message: PeerMessage };

/** A client was answered by a write that had been applied at `index`. */
export type AckFact = { readonly client: string; readonly index: LogIndex };

export type ReadFact = { readonly node: NodeId; readonly readIndex: LogIndex; readonly committedWhenAsked: LogIndex };

/** `put` null: the key was deleted. */
export type SeenEvent = {
  readonly key: string;
  readonly put: { readonly version: number; readonly value: Uint8Array } | null;
};

/** A watcher was given all events of a revision. */
export type WatchFact = { readonly watcher: string; readonly revision: number; readonly events: readonly SeenEvent[] };

/** A value was looked for on the disk, and there is no row of it. */
export type MissingValueFact = {
  readonly node: NodeId;
  readonly record: Pick<ColdKeyRecord, 'key' | 'modRevision'>;
  /** Whether the node's state still has that version for readers. */
  readonly isReadable: boolean;
  readonly appliedIndex: LogIndex;
  readonly disk: Pick<DiskView, 'checkpoint' | 'damage'>;
};

/** One promise of the system, checked as the run goes. It sees facts only, so a test can tell it a broken history. */
export interface Invariant {
  readonly name: string;
  diskWritten?(fact: DiskFact): void;
  checkpointWritten?(fact: CheckpointFact): void;
  restored?(fact: RestoredFact): void;
  roleChanged?(fact: RoleFact): void;
  sent?(fact: SentFact): void;
  applied?(fact: AppliedFact): void;
  turnEnded?(fact: TurnFact): void;
  acknowledged?(fact: AckFact): void;
  readServed?(fact: ReadFact): void;
  watched?(fact: WatchFact): void;
  valueMissing?(fact: MissingValueFact): void;
}

/** Tells that the promise is broken. The first report ends the run. */
export type Report = (message: string) => void;
