import { persistId, term, type Effect, type LogEntry, type SnapshotMeta } from '@latchkey/raft';
import { MemoryCheckpointStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { ByteSlab } from '../byte-slab.js';
import type { SnapshotOffer } from '../driver-calls.js';
import type { StateRow } from '../ports/checkpoint-store.js';
import { sealProposal } from '../proposal-envelope.js';
import { metaAt } from './fake-checkpoints.js';
import { rowsOf, textCommand } from './recording-state-machine.js';
import { commandEntry, N2, ScriptedReplica } from './scripted-replica.js';

export const EVERY = 4;
const OTHER_INCARNATION = 1;
/** Where the leader's snapshot stands in these stories. */
export const AT = 10;
export const FROM_THE_LEADER = { 3: 'c', 7: 'g', 10: 'j' };

export const entry = (index: number, text = `t${index}`, inTerm = 1): LogEntry =>
  commandEntry(
    index,
    sealProposal({ incarnation: OTHER_INCARNATION, sequence: index }, textCommand(text), new ByteSlab()),
    inTerm,
  );

/** Started, and makes a checkpoint of every few entries. */
export async function savingReplica(disk = new MemoryDisk()): Promise<ScriptedReplica> {
  const node = new ScriptedReplica({ disk, checkpointEveryEntries: EVERY });
  await node.start();
  return node;
}

/** What an earlier process has left: a checkpoint, and the log after it. */
export async function diskWith(
  meta: SnapshotMeta,
  rows: readonly StateRow[],
  after: readonly LogEntry[],
): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await new MemoryLogStore(disk).load();
  const store = new MemoryCheckpointStore(disk);
  const staging = await store.stageSnapshot(meta);
  await staging.append(rows);
  await store.installSnapshot({ staging, hardState: null, keepsTail: false });
  disk.entries.push(...after);
  return disk;
}

export type OfferEnds = Parameters<SnapshotOffer['onEnded']>[0][];

/** A snapshot of the leader has come in whole, and the core says what to do with it. */
export async function offered(
  node: ScriptedReplica,
  meta: SnapshotMeta,
  effects: readonly Effect[],
  rows: readonly StateRow[] = rowsOf(FROM_THE_LEADER),
): Promise<OfferEnds> {
  const staging = await node.checkpointStore.stageSnapshot(meta);
  await staging.append(rows);
  const ends: OfferEnds = [];
  node.core.onNext('snapshotReceived', effects);
  node.offerSnapshot({ from: N2, term: term(1), staging, onEnded: (end) => ends.push(end) });
  await node.clock.settle();
  return ends;
}

export const installEffect = (id: number, snapshot = metaAt(AT), keepsTail = false): Effect => ({
  type: 'installSnapshot',
  persistId: persistId(id),
  hardState: null,
  snapshot,
  keepsTail,
});
