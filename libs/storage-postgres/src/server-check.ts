import { LogStoreError } from '@latchkey/replica';
import type { ClientBase } from 'pg';

const OLDEST_SERVER = 13;
const VERSION_FACTOR = 10_000;

type ServerFacts = {
  readonly version: number;
  readonly is_in_recovery: boolean;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly commit_by_default: string;
  readonly data_sync_retry: string;
};

/** `reset_val`: what the server, database or role prescribes, before the session's own SET. */
const FACTS = `
  SELECT current_setting('server_version_num')::int AS version,
         pg_is_in_recovery() AS is_in_recovery,
         current_setting('fsync') AS fsync,
         current_setting('full_page_writes') AS full_page_writes,
         current_setting('synchronous_commit') AS synchronous_commit,
         (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS commit_by_default,
         current_setting('data_sync_retry') AS data_sync_retry`;

/**
 * Refuses a server on which "committed" does not mean "survives a crash" (FAILURE-MODES 26, 28).
 * The session commits synchronously whatever the default says; a default of `off` is refused all the same: whoever set it
 * did not mean this database to be durable.
 * @throws LogStoreError unsafe, unavailable
 */
export async function checkServer(client: ClientBase): Promise<void> {
  const facts = (await client.query<ServerFacts>(FACTS)).rows[0];
  if (facts === undefined) throw new LogStoreError('unavailable', 'the database does not tell its settings');
  if (facts.version < OLDEST_SERVER * VERSION_FACTOR) {
    const found = Math.floor(facts.version / VERSION_FACTOR);
    throw new LogStoreError('unsafe', `the server is Postgres ${found}; Latchkey needs ${OLDEST_SERVER} or newer`);
  }
  requireSetting('fsync', facts.fsync, 'on');
  requireSetting('full_page_writes', facts.full_page_writes, 'on');
  requireSetting('data_sync_retry', facts.data_sync_retry, 'off');
  if (facts.commit_by_default === 'off') requireSetting('synchronous_commit', facts.commit_by_default, 'on');
  requireSetting('synchronous_commit', facts.synchronous_commit, 'on');
  if (facts.is_in_recovery) {
    throw new LogStoreError(
      'unavailable',
      'the server is a standby and takes no writes; a node needs a primary of its own',
    );
  }
}

function requireSetting(name: string, found: string, needed: string): void {
  if (found === needed) return;
  const message = `the server runs with ${name} = ${found}: an acknowledged write could be lost; set ${name} = ${needed}`;
  throw new LogStoreError('unsafe', message);
}
