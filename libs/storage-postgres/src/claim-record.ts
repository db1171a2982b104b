import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LogStoreError, MAX_KEPT_CLAIMS, MAX_REMEMBERED_CLAIMS, type RememberedClaim } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import type { ClaimColumns } from './entities/claim.entity.js';
import { safeIntegerFrom } from './safe-integer.js';
import { CLAIM_TABLE, STORE_TABLE } from './schema-names.js';

/** As many as `randomInt` can tell apart. */
const MARK_COUNT = 2 ** 48 - 1;

/** A row that is there already is damage, and stays: what is read then is not the present claim. */
const REMEMBER_CLAIM = `
  INSERT INTO ${CLAIM_TABLE} (epoch, mark, kept, checksum) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`;

/** The others stay; by place and not by epoch, so that a damaged epoch takes none away. */
const FORGET_OLD_CLAIMS = `
  DELETE FROM ${CLAIM_TABLE}
  WHERE epoch NOT IN (SELECT epoch FROM ${CLAIM_TABLE} ORDER BY epoch DESC LIMIT ${MAX_REMEMBERED_CLAIMS})
    AND epoch NOT IN (SELECT epoch FROM ${CLAIM_TABLE} WHERE kept ORDER BY epoch DESC LIMIT ${MAX_KEPT_CLAIMS})`;

/** In one statement, and so of one moment, whatever is claimed meanwhile. */
const READ_CLAIMS = `
  SELECT epoch, mark, kept, checksum, epoch = (SELECT epoch FROM ${STORE_TABLE}) AS present
  FROM ${CLAIM_TABLE} ORDER BY epoch`;

type ClaimRow = ClaimColumns & { readonly present: boolean | null };

export function checksumOfClaim({ epoch, mark, isKept }: RememberedClaim): number {
  return crc32(JSON.stringify([epoch, mark, isKept]));
}

/** Part of the transaction that makes the claim. */
export async function writeClaim(client: ClientBase, epoch: number): Promise<void> {
  const claim = { epoch, mark: randomInt(MARK_COUNT), isKept: false };
  await client.query(REMEMBER_CLAIM, [epoch, claim.mark, claim.isKept, checksumOfClaim(claim)]);
  await client.query(FORGET_OLD_CLAIMS);
}

/** Part of the transaction that makes the claim, which is the first one of its history. */
export async function writeFirstClaim(client: ClientBase, epoch: number): Promise<void> {
  await client.query(`DELETE FROM ${CLAIM_TABLE}`);
  await writeClaim(client, epoch);
}

/** Oldest first. @throws LogStoreError corrupt */
export async function readClaims(client: ClientBase): Promise<readonly RememberedClaim[]> {
  const { rows } = await client.query<ClaimRow>(READ_CLAIMS);
  const claims = rows.map(claimFrom);
  const latest = claims.slice(-MAX_REMEMBERED_CLAIMS);
  const [first, last] = [latest[0], latest.at(-1)];
  const isPresent = rows.at(-1)?.present === true;
  // Each claim has the epoch after that of the one before.
  if (isPresent && first !== undefined && last !== undefined && last.epoch - first.epoch === latest.length - 1)
    return claims;
  throw new LogStoreError('corrupt', `${CLAIM_TABLE} is damaged: rows are missing, or there are too many`);
}

function claimFrom(row: ClaimRow): RememberedClaim {
  const what = (column: string) => `${column} of claim ${row.epoch} in ${CLAIM_TABLE}`;
  const claim = {
    epoch: safeIntegerFrom(row.epoch, what('epoch')),
    mark: safeIntegerFrom(row.mark, what('mark')),
    isKept: row.kept,
  };
  if (checksumOfClaim(claim) === safeIntegerFrom(row.checksum, what('checksum'))) return claim;
  const message = `the row of claim ${row.epoch} in ${CLAIM_TABLE} is damaged: its checksum does not fit`;
  throw new LogStoreError('corrupt', message);
}
