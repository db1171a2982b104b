import { RaftNode } from '@latchkey/raft';
import type { Effect, RaftConfig, ReadId } from '@latchkey/raft';
import type { StoredLog } from '../../../libs/raft/src/test-support/stored-log.js';
import type { VirtualDisk, VirtualWrite } from '../../../libs/raft/src/test-support/virtual-disk.js';
import type { StateImage } from '../../../libs/raft/src/test-support/virtual-state.js';
import { AppliedState } from './applied-state.js';

type SendEffect = Extract<Effect, { readonly type: 'send' }>;

/** What a crash destroys. */
export type Process = {
  readonly raft: RaftNode;
  /** The log as the node has it, on disk or not. */
  readonly log: StoredLog;
  readonly applied: AppliedState;
  readonly reads: Map<ReadId, number>;
  unwritten: VirtualWrite[];
  heldSends: SendEffect[];
  durableId: number;
  /** The snapshot that was reported to the core and that it may take. */
  staged: StateImage | null;
  isRemoved: boolean;
};

/** From what is on disk. */
export function startProcess(
  config: RaftConfig,
  disk: VirtualDisk,
  { nowMs, onState }: { readonly nowMs: number; readonly onState: (image: StateImage) => void },
): Process {
  const { hardState, checkpoint } = disk;
  const log = disk.log.copy();
  const durable = { hardState, base: log.base, entries: log.entries.slice(), snapshot: checkpoint?.meta ?? null };
  return {
    raft: new RaftNode(config, durable, nowMs),
    log,
    applied: new AppliedState(config.initialMembership, checkpoint, onState),
    reads: new Map(),
    unwritten: [],
    heldSends: [],
    durableId: 0,
    staged: null,
    isRemoved: false,
  };
}

export function isWaiting({ durableId }: Process, { afterPersist }: SendEffect): boolean {
  return afterPersist !== null && afterPersist > durableId;
}

export function takeRead(process: Process, id: ReadId): number {
  const committedAtStart = process.reads.get(id);
  if (committedAtStart === undefined) throw new Error(`read ${id} was answered twice, or never asked`);
  process.reads.delete(id);
  return committedAtStart;
}
