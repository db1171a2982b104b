import type { MigrationInterface, QueryRunner } from 'typeorm';
import { queryOnce } from '../../../../test/support/postgres.js';
import { CreateCheckpoint1764500000000 } from '../migrations/1764500000000-create-checkpoint.js';
import { CreateIdentity1765300000000 } from '../migrations/1765300000000-create-identity.js';
import { CreatePages1765600000000 } from '../migrations/1765600000000-create-pages.js';
import { AddClaims1765800000000 } from '../migrations/1765800000000-add-claims.js';
import { AddJoined1765700000000 } from '../migrations/1765700000000-add-joined.js';
import { AddLoss1765500000000 } from '../migrations/1765500000000-add-loss.js';
import { CreateViews1765400000000 } from '../migrations/1765400000000-create-views.js';
import { AddKnownIndex1765900000000 } from '../migrations/1765900000000-add-known-index.js';
import { DropLogChecks1766000000000 } from '../migrations/1766000000000-drop-log-checks.js';
import { DropPageStatistics1766100000000 } from '../migrations/1766100000000-drop-page-statistics.js';
import { CreateLogSegments1766200000000 } from '../migrations/1766200000000-create-log-segments.js';

/** Newest first. */
const MIGRATIONS = [
  CreateLogSegments1766200000000,
  DropPageStatistics1766100000000,
  DropLogChecks1766000000000,
  AddKnownIndex1765900000000,
  AddClaims1765800000000,
  AddJoined1765700000000,
  CreatePages1765600000000,
  AddLoss1765500000000,
  CreateViews1765400000000,
  CreateIdentity1765300000000,
  CreateCheckpoint1764500000000,
];

/** Makes the database what a Latchkey has left that did not know this migration, nor those after it. */
export async function takeBack(url: string, oldest: new () => MigrationInterface): Promise<void> {
  // Only `query` of a query runner is used.
  const runner = { query: (text: string) => queryOnce(url, text) } as unknown as QueryRunner;
  for (const Migration of MIGRATIONS) {
    await new Migration().down(runner);
    await queryOnce(url, 'DELETE FROM latchkey.migrations WHERE name = $1', [Migration.name]);
    if (Migration === oldest) return;
  }
}
