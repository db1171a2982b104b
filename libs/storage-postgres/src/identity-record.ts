import { crc32 } from 'node:zlib';
import { logIndex, nodeId, term, type LogIndex, type NodeId } from '@latchkey/raft';
import { LogStoreError, type LossReason, type PeerRecord, type StoreIdentity } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { readClaims } from './claim-record.js';
import { readRecord } from './checkpoint-record.js';
import { readStateRow } from './log-reader.js';
import { storeFailure } from './postgres-failure.js';
import { safeIntegerFrom } from './safe-integer.js';
import { IDENTITY_TABLE, PEER_TABLE, STORE_TABLE } from './schema-names.js';

/** What a store says of itself besides its name and its epoch. */
export type SelfRecord = {
  readonly wantsVoteBack: boolean;
  /** As `StoreIdentity` has them. */
  readonly founders: readonly NodeId[] | null;
  readonly joinedIndex: LogIndex;
  readonly lost: LossReason | null;
};

type SelfColumns = {
  readonly owner: string | null;
  readonly wants_vote_back: boolean;
  readonly founders: readonly string[] | null;
  readonly joined_index: string;
  readonly lost: string | null;
  readonly checksum: string;
};

type PeerColumns = {
  readonly node: string;
  readonly store_id: string;
  readonly epoch: string;
  readonly term: string;
  readonly last_index: string;
  readonly mark: string | null;
  readonly known_index: string;
  readonly checksum: string;
};

/** A store that has not joined, or is not lost, has the checksum that it had before there was a column for that. */
export function checksumOfSelf({ wantsVoteBack, founders, joinedIndex, lost }: SelfRecord): number {
  if (joinedIndex > 0) return crc32(JSON.stringify([wantsVoteBack, founders, lost, joinedIndex]));
  return crc32(JSON.stringify(lost === null ? [wantsVoteBack, founders] : [wantsVoteBack, founders, lost]));
}

/** A record without a mark, or without the index of a membership, has the checksum that it had before there were any. */
export function checksumOfPeer(record: PeerRecord): number {
  const { node, storeId, epoch, mark, term: seenTerm, lastIndex, knownIndex } = record;
  const values = [node, storeId, epoch, seenTerm, lastIndex];
  if (knownIndex > 0) return crc32(JSON.stringify([...values, mark, knownIndex]));
  return crc32(JSON.stringify(mark === null ? values : [...values, mark]));
}

/**
 * Who the store is, from one snapshot of the database. Damage to log, hard state or checkpoint does not matter.
 * @throws LogStoreError fenced when another object than `owner` has claimed the store; corrupt when a row that says who
 *   the store is, or what it remembers, is lost or damaged
 */
export async function readIdentity(client: ClientBase, owner: string): Promise<StoreIdentity> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const { rows } = await client.query<{
    readonly owner: string | null;
    readonly store_id: string;
    readonly epoch: string;
  }>(`SELECT owner, store_id, epoch FROM ${STORE_TABLE}`);
  const store = rows[0];
  if (store === undefined) throw new LogStoreError('corrupt', `${STORE_TABLE} has lost its row`);
  if (store.owner !== owner) throw claimedByAnother();
  const epoch = safeIntegerFrom(store.epoch, 'the epoch');
  const { wantsVoteBack, founders, joinedIndex, lost } = await readSelf(client);
  const claims = (await readClaims(client)).map(({ epoch: claimed, mark }) => ({ epoch: claimed, mark }));
  const peers = await readPeers(client);
  // Comes last: a page that cannot be read ends the transaction.
  const isNew = await isUnwritten(client, epoch);
  await client.query('ROLLBACK');
  return { storeId: store.store_id, epoch, claims, isNew, wantsVoteBack, founders, joinedIndex, lost, peers };
}

/** @throws LogStoreError corrupt */
export async function readSelf(client: ClientBase): Promise<SelfRecord & { readonly owner: string | null }> {
  const { rows } = await client.query<SelfColumns>(
    `SELECT owner, wants_vote_back, founders, joined_index, lost, checksum FROM ${IDENTITY_TABLE}`,
  );
  const columns = rows[0];
  if (columns === undefined) throw new LogStoreError('corrupt', `${IDENTITY_TABLE} has lost its row`);
  const record = {
    wantsVoteBack: columns.wants_vote_back,
    founders: columns.founders?.map((name) => nodeFrom(name, IDENTITY_TABLE)) ?? null,
    joinedIndex: logIndex(safeIntegerFrom(columns.joined_index, `joined_index of ${IDENTITY_TABLE}`)),
    lost: lossFrom(columns.lost),
  };
  if (checksumOfSelf(record) !== safeIntegerFrom(columns.checksum, `checksum of ${IDENTITY_TABLE}`)) {
    throw new LogStoreError('corrupt', `the row of ${IDENTITY_TABLE} is damaged: its checksum does not fit`);
  }
  return { ...record, owner: columns.owner };
}

/** @throws LogStoreError corrupt */
export async function readPeers(client: ClientBase): Promise<PeerRecord[]> {
  const { rows } = await client.query<PeerColumns>(
    `SELECT node, store_id, epoch, term, last_index, mark, known_index, checksum FROM ${PEER_TABLE} ORDER BY node COLLATE "C"`,
  );
  return rows.map(peerFrom);
}

function peerFrom(columns: PeerColumns): PeerRecord {
  const what = (column: string) => `${column} of ${columns.node} in ${PEER_TABLE}`;
  const record = {
    node: nodeFrom(columns.node, PEER_TABLE),
    storeId: columns.store_id,
    epoch: safeIntegerFrom(columns.epoch, what('epoch')),
    mark: columns.mark === null ? null : safeIntegerFrom(columns.mark, what('mark')),
    term: term(safeIntegerFrom(columns.term, what('term'))),
    lastIndex: logIndex(safeIntegerFrom(columns.last_index, what('last_index'))),
    knownIndex: logIndex(safeIntegerFrom(columns.known_index, what('known_index'))),
  };
  if (checksumOfPeer(record) !== safeIntegerFrom(columns.checksum, what('checksum'))) {
    throw new LogStoreError(
      'corrupt',
      `the row of ${columns.node} in ${PEER_TABLE} is damaged: its checksum does not fit`,
    );
  }
  return record;
}

/** What cannot be read was written. */
async function isUnwritten(client: ClientBase, epoch: number): Promise<boolean> {
  try {
    const { currentTerm, votedFor, tail } = await readStateRow(client, epoch);
    const { record } = await readRecord(client);
    const hasState = currentTerm > 0 || votedFor !== null;
    return !hasState && tail.lastIndex === 0 && record.base.index === 0 && record.meta === null;
  } catch (error) {
    const failure = storeFailure(error, { stage: 'reading', database: 'database' });
    if (failure instanceof LogStoreError && failure.code === 'corrupt') return false;
    throw error;
  }
}

function lossFrom(text: string | null): LossReason | null {
  if (text === null || text === 'corrupt' || text === 'diverged') return text;
  throw new LogStoreError(
    'corrupt',
    `${IDENTITY_TABLE} is damaged: nothing is lost for the reason ${JSON.stringify(text)}`,
  );
}

function nodeFrom(name: string, table: string): NodeId {
  try {
    return nodeId(name);
  } catch (cause) {
    // A bug of whoever writes one, but not of whoever reads a damaged row.
    throw new LogStoreError('corrupt', `${table} is damaged: ${JSON.stringify(name)} is no node id`, { cause });
  }
}

export function claimedByAnother(): LogStoreError {
  return new LogStoreError('fenced', 'another process has claimed the database since');
}
