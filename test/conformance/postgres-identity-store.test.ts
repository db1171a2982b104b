import { damagedIdentityStoreChecks, identityStoreChecks, registerConformance } from '@latchkey/conformance';
import { nodeId } from '@latchkey/raft';
import { createPostgresStores } from '@latchkey/storage-postgres';
import { describe, it } from 'vitest';
import { createDatabase, queryOnce } from '../support/postgres.js';

const IDENTITY = { nodeId: nodeId('n1'), clusterId: 'conformance' };

/** @param damage a statement that a person or a disk might have done to the database */
function placeWith(damage: string) {
  return async () => {
    const url = await createDatabase();
    return {
      open: async () => createPostgresStores({ ...IDENTITY, url }),
      dispose: async () => undefined,
      damage: async () => {
        await queryOnce(url, damage);
      },
    };
  };
}

const DAMAGES = {
  'an altered log row': 'UPDATE latchkey.log_batch SET bytes = set_byte(bytes, 4, 99 - get_byte(bytes, 4))',
  'a lost log': 'DELETE FROM latchkey.log_batch',
  'an altered hard state': 'UPDATE latchkey.store SET current_term = current_term + 1',
  'an altered checkpoint': 'UPDATE latchkey.checkpoint SET snapshot_index = snapshot_index + 1',
  'a lost checkpoint': 'DELETE FROM latchkey.checkpoint',
};

const runner = { describe, it };
registerConformance(runner, 'identity store contract: Postgres', identityStoreChecks, placeWith(''));
for (const [what, statement] of Object.entries(DAMAGES)) {
  const title = `identity store contract, damage: Postgres, ${what}`;
  registerConformance(runner, title, damagedIdentityStoreChecks, placeWith(statement));
}
