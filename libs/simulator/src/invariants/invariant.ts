import type { HardState, LogEntry, LogIndex, NodeId, Role, Term } from '@latchkey/raft';
import type { PeerMessage, ReplicaStatus } from '@latchkey/replica';
import type { ApplyResult, LeaseId, RevisionEvents } from '@latchkey/state-machine';

/** What invariants may look at on a disk. */
export type DiskView = {
  readonly hardState: HardState;
  readonly lastIndex: LogIndex;
  /** A number for the log up to and including `index`; null when the disk does not reach it. */
  chainAt(index: number): number | null;
  termAt(index: number): Term | null;
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
  /** Of the command; 0 for an entry without one. */
  readonly commandHash: number;
  readonly stateHash: string;
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

/** A client was told that its session lives at least so long. */
export type LeaseFact = { readonly leaseId: LeaseId; readonly aliveUntilMs: number };

export type BeliefFact = { readonly leaseId: LeaseId; readonly lock: string; readonly believesUntilMs: number };

export type ReadFact = { readonly node: NodeId; readonly readIndex: LogIndex; readonly committedWhenAsked: LogIndex };

export type WatchFact = { readonly watcher: string; readonly events: RevisionEvents };

/** One promise of the system, checked as the run goes. It sees facts only, so a test can tell it a broken history. */
export interface Invariant {
  readonly name: string;
  diskWritten?(fact: DiskFact): void;
  roleChanged?(fact: RoleFact): void;
  sent?(fact: SentFact): void;
  applied?(fact: AppliedFact): void;
  turnEnded?(fact: TurnFact): void;
  acknowledged?(fact: AckFact): void;
  leaseConfirmed?(fact: LeaseFact): void;
  lockBelieved?(fact: BeliefFact): void;
  readServed?(fact: ReadFact): void;
  watched?(fact: WatchFact): void;
}

/** Tells that the promise is broken. The first report ends the run. */
export type Report = (message: string) => void;
