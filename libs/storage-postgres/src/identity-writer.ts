import { invariant, type LogIndex, type NodeId } from '@latchkey/raft';
import type { LossReason, PeerRecord } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { checksumOfClaim, readClaims } from './claim-record.js';
import { checksumOfPeer, checksumOfSelf, claimedByAnother, readSelf } from './identity-record.js';
import { CLAIM_TABLE, IDENTITY_TABLE, PEER_TABLE } from './schema-names.js';

/**
 * The fence: a claim of another object changes the row's owner, and waits for whoever has locked it. The owner and not its
 * epoch, since what is remembered of others stays true while the owner loads again.
 */
const OWNER = `WITH owner AS (SELECT FROM ${IDENTITY_TABLE} WHERE owner = $1 FOR SHARE)`;

const REMEMBER_PEERS = `${OWNER},
  written AS (
    INSERT INTO ${PEER_TABLE} AS held (node, store_id, epoch, term, last_index, mark, known_index, checksum)
    SELECT r.node, r.store_id, r.epoch, r.term, r.last_index, r.mark, r.known_index, r.checksum
    FROM owner
      CROSS JOIN unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
      AS r(node, store_id, epoch, term, last_index, mark, known_index, checksum)
    ON CONFLICT (node) DO UPDATE
    SET store_id = excluded.store_id, epoch = excluded.epoch, term = excluded.term, last_index = excluded.last_index,
        mark = excluded.mark, known_index = excluded.known_index, checksum = excluded.checksum)
  SELECT FROM owner`;

const FORGET_PEERS = `${OWNER},
  gone AS (DELETE FROM ${PEER_TABLE} WHERE node = ANY($2::text[]) AND EXISTS (SELECT FROM owner))
  SELECT FROM owner`;

const READ_FOR_MARK = `SELECT FROM ${IDENTITY_TABLE} WHERE owner = $1 FOR NO KEY UPDATE`;

const MARK_FOUNDERS = `UPDATE ${IDENTITY_TABLE} SET founders = $2::text[], checksum = $3 WHERE owner = $1`;

const MARK_VOTE_WANTED = `UPDATE ${IDENTITY_TABLE} SET wants_vote_back = true, checksum = $2 WHERE owner = $1`;

const MARK_JOINED = `UPDATE ${IDENTITY_TABLE} SET joined_index = $2, checksum = $3 WHERE owner = $1`;

const KEEP_CLAIM = `UPDATE ${CLAIM_TABLE} SET kept = true, checksum = $2 WHERE epoch = $1`;

const MARK_LOST = `UPDATE ${IDENTITY_TABLE} SET lost = $2, checksum = $3 WHERE owner = $1`;

/** @throws LogStoreError fenced, corrupt; any error of the client */
export async function writePeers(client: ClientBase, owner: string, records: readonly PeerRecord[]): Promise<void> {
  // A statement must not write one row twice.
  const unique = [...new Map(records.map((record) => [record.node, record])).values()];
  const values = [
    owner,
    unique.map(({ node }) => node),
    unique.map(({ storeId }) => storeId),
    unique.map(({ epoch }) => epoch),
    unique.map(({ term }) => term),
    unique.map(({ lastIndex }) => lastIndex),
    unique.map(({ mark }) => mark),
    unique.map(({ knownIndex }) => knownIndex),
    unique.map(checksumOfPeer),
  ];
  await expectOwner(client, REMEMBER_PEERS, values);
}

/** @throws LogStoreError fenced, corrupt; any error of the client */
export async function erasePeers(client: ClientBase, owner: string, nodes: readonly NodeId[]): Promise<void> {
  await expectOwner(client, FORGET_PEERS, [owner, nodes]);
}

/**
 * The same founders once more are no harm: that is a repetition after an unknown outcome.
 * @throws LogStoreError fenced, corrupt; any error of the client
 * @throws InvariantViolation when others are remembered
 */
export async function writeFounders(client: ClientBase, owner: string, founders: readonly NodeId[]): Promise<void> {
  await client.query('BEGIN');
  await expectOwner(client, READ_FOR_MARK, [owner]);
  const self = await readSelf(client);
  const isSame = self.founders === null || JSON.stringify(self.founders) === JSON.stringify(founders);
  invariant(isSame, 'the founders were to be remembered, and others are already');
  await client.query(MARK_FOUNDERS, [owner, founders, checksumOfSelf({ ...self, founders })]);
  await client.query('COMMIT');
}

/** The greatest stays. @throws LogStoreError fenced, corrupt; any error of the client */
export async function writeJoined(client: ClientBase, owner: string, joinedIndex: LogIndex): Promise<void> {
  await client.query('BEGIN');
  await expectOwner(client, READ_FOR_MARK, [owner]);
  const self = await readSelf(client);
  const isLater = joinedIndex > self.joinedIndex;
  if (isLater) await client.query(MARK_JOINED, [owner, joinedIndex, checksumOfSelf({ ...self, joinedIndex })]);
  await client.query('COMMIT');
}

/** The first reason stays. @throws LogStoreError fenced, corrupt; any error of the client */
export async function writeLoss(client: ClientBase, owner: string, reason: LossReason): Promise<void> {
  await client.query('BEGIN');
  await expectOwner(client, READ_FOR_MARK, [owner]);
  const self = await readSelf(client);
  if (self.lost === null) await client.query(MARK_LOST, [owner, reason, checksumOfSelf({ ...self, lost: reason })]);
  await client.query('COMMIT');
}

/** All or nothing. @throws LogStoreError fenced, corrupt; any error of the client */
export async function writeVoteWanted(client: ClientBase, owner: string, node: NodeId): Promise<void> {
  await client.query('BEGIN');
  await expectOwner(client, READ_FOR_MARK, [owner]);
  const self = await readSelf(client);
  await client.query(MARK_VOTE_WANTED, [owner, checksumOfSelf({ ...self, wantsVoteBack: true })]);
  await client.query(FORGET_PEERS, [owner, [node]]);
  await client.query('COMMIT');
}

/** Nothing is done when it is forgotten already. @throws LogStoreError fenced, corrupt; any error of the client */
export async function writeKept(client: ClientBase, owner: string, epoch: number): Promise<void> {
  await client.query('BEGIN');
  await expectOwner(client, READ_FOR_MARK, [owner]);
  const claim = (await readClaims(client)).find((known) => known.epoch === epoch);
  if (claim !== undefined) await client.query(KEEP_CLAIM, [epoch, checksumOfClaim({ ...claim, isKept: true })]);
  await client.query('COMMIT');
}

async function expectOwner(client: ClientBase, text: string, values: unknown[]): Promise<void> {
  const { rowCount } = await client.query(text, values);
  if (rowCount === 1) return;
  // Or the row is lost, which this says.
  await readSelf(client);
  throw claimedByAnother();
}
