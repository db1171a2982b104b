import { createReadStream } from 'node:fs';
import { BackupDamaged, readBackup, type BackupHeader } from '@latchkey/backup';
import { logIndex, MAX_VOTERS, term, type SnapshotMeta } from '@latchkey/raft';
import type { DurableState, SnapshotStaging } from '@latchkey/replica';
import { AttachedKeys, decodeMeta, NewClusterRows, raiseRevisions, type StateMeta } from '@latchkey/state-machine';
import type { Stores } from '../cluster/adapters.js';
import type { NodeSettings } from '../settings/settings.js';
import { RestoreRefused } from './restore-refused.js';

/** What the file holds, once it was read to its end. */
type Examined = {
  readonly header: BackupHeader;
  readonly digest: string;
  readonly meta: StateMeta;
  readonly attached: AttachedKeys;
};

export type RestoredNode = {
  readonly clusterId: string;
  readonly nodeId: string;
  /** The first revision of the new cluster will be one above this. */
  readonly revision: number;
  readonly rowCount: number;
  /** Of the file: the same for all nodes, or they were restored from different backups. */
  readonly digest: string;
};

export type RestoreSource = {
  readonly path: string;
  /** Called once the file is known to be good: nothing is touched before. */
  readonly openStores: () => Promise<Stores>;
};

/**
 * Writes a backup into the empty database of one node of a new cluster, so that it becomes durable in one step or not at
 * all. The nodes of the cluster are restored one by one, all from the same file.
 * @throws RestoreRefused, BackupDamaged, LogStoreError; the database is as it was then
 */
export async function restoreNode(
  { path, openStores }: RestoreSource,
  { clusterId, nodeId, peers }: Pick<NodeSettings, 'clusterId' | 'nodeId' | 'peers'>,
): Promise<RestoredNode> {
  if (peers.size > MAX_VOTERS)
    throw new RestoreRefused(`a cluster has at most ${MAX_VOTERS} voters, not ${peers.size}`);
  const examined = await examine(path);
  if (examined.header.clusterId === clusterId)
    throw new RestoreRefused(
      `the backup is of a cluster with the same id, ${clusterId}: give the new one another, so that no node of the old one can take part in it`,
    );
  const raised = raiseRevisions(examined.meta);
  if (raised === null) throw new RestoreRefused('its revisions leave no room for another restore below 2^53');
  const snapshot: SnapshotMeta = {
    index: logIndex(raised.position.index),
    term: term(raised.position.term),
    // In the same order on all nodes, whatever order each was told.
    membership: { voters: [...peers.keys()].sort(), votersOutgoing: [], learners: [] },
  };
  const stores = await openStores();
  try {
    refuseUnlessEmpty(await stores.logStore.load());
    const staging = await stores.checkpoints.stageSnapshot(snapshot);
    const rowCount = await stageRows(path, examined, { raised, staging }).catch(async (error: unknown) => {
      await staging.discard().catch(() => undefined);
      throw error;
    });
    const hardState = { currentTerm: snapshot.term, votedFor: null };
    await stores.checkpoints.installSnapshot({ staging, hardState, keepsTail: false });
    return { clusterId, nodeId, revision: raised.revision, rowCount, digest: examined.digest };
  } finally {
    await stores.logStore.close();
  }
}

/** Reads the whole file without keeping its rows. @throws BackupDamaged */
async function examine(path: string): Promise<Examined> {
  const parts = readBackup(createReadStream(path));
  const attached = new AttachedKeys();
  let header: BackupHeader | null = null;
  let meta: StateMeta | null = null;
  for (;;) {
    const { done, value } = await parts.next();
    if (done === true) {
      if (header === null || meta === null) throw new BackupDamaged('it has no rows');
      refuseContradiction(header, meta);
      return { header, meta, attached, digest: value.digest };
    }
    if (value.type === 'header') header = value.header;
    else {
      const [first] = value.rows;
      if (meta === null && first !== undefined) meta = decodeMeta(first);
      attached.note(value.rows);
    }
  }
}

function refuseContradiction(
  { appliedIndex, revision }: BackupHeader,
  { position, revision: ofRows }: StateMeta,
): void {
  if (appliedIndex !== position.index || revision !== ofRows)
    throw new BackupDamaged('its header and its rows are not of the same state');
}

function refuseUnlessEmpty({ hardState, base, entries, checkpoint }: DurableState): void {
  const isEmpty = hardState.currentTerm === 0 && base.index === 0 && entries.length === 0 && checkpoint === null;
  if (!isEmpty) throw new RestoreRefused('the database holds the data of a node already; restore into an empty one');
}

/** @returns how many rows were written */
async function stageRows(
  path: string,
  { attached, digest }: Examined,
  { raised, staging }: { readonly raised: StateMeta; readonly staging: SnapshotStaging },
): Promise<number> {
  const newRows = new NewClusterRows(raised, attached);
  const parts = readBackup(createReadStream(path));
  let rowCount = 0;
  const append = async (rows: ReturnType<NewClusterRows['take']>): Promise<void> => {
    rowCount += rows.length;
    if (rows.length > 0) await staging.append(rows);
  };
  for (;;) {
    const { done, value } = await parts.next();
    if (done === true) {
      if (value.digest !== digest) throw new BackupDamaged('the file has changed while it was read');
      await append(newRows.finish());
      return rowCount;
    }
    if (value.type === 'rows') await append(newRows.take(value.rows));
  }
}
