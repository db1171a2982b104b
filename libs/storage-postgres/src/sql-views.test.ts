import { afterEach, describe, expect, it } from 'vitest';
import {
  compact,
  del,
  enter,
  grant,
  lease,
  leave,
  put,
  revoke,
} from '../../state-machine/src/test-support/commands.js';
import { TestMachine } from '../../state-machine/src/test-support/test-machine.js';
import { createDatabase, queryOnce, testPostgres, urlOfDatabase } from '../../../test/support/postgres.js';
import { createPostgresStores } from './postgres-stores.js';
import { StateDatabase } from './test-support/state-database.js';
import { nodeId } from '@latchkey/raft';

const FIRST_WALL_CLOCK_MS = 1_700_000_000_000;
/** More than a sweep frees with one entry. */
const MANY_KEYS = 1_000;
const REFUSED = /permission denied/;

const opened: StateDatabase[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.end()));
});

async function savedBy(machine: TestMachine): Promise<StateDatabase> {
  const database = await StateDatabase.create();
  opened.push(database);
  await database.save(machine.state);
  return database;
}

const at = (index: number): Date => new Date(FIRST_WALL_CLOCK_MS + index);

describe('latchkey.keys and latchkey.key_history', () => {
  it('show text as text and bytes that are none in hexadecimal, and never fail', async () => {
    const machine = new TestMachine();
    machine.run(put('plain', 'value'));
    machine.run(put(Buffer.from('schlüssel/🔑').toString('latin1'), Buffer.from('größe').toString('latin1')));
    machine.run(put('bytes/\xff\x00', '\xc3('));
    machine.run(put('empty', ''));
    machine.run(put('nul', 'a\x00b'));
    machine.run(put(String.raw`back\slash`, String.raw`\x00`));
    machine.run(put('control', 'one\ntwo\x01'));
    const database = await savedBy(machine);
    expect(await database.select('SELECT key, value FROM latchkey.keys ORDER BY mod_revision')).toEqual([
      { key: 'plain', value: 'value' },
      { key: 'schlüssel/🔑', value: 'größe' },
      { key: String.raw`\x62797465732fff00`, value: String.raw`\xc328` },
      { key: 'empty', value: '' },
      { key: 'nul', value: String.raw`\x610062` },
      { key: String.raw`back\slash`, value: String.raw`\x00` },
      { key: 'control', value: 'one\ntwo\x01' },
    ]);
    const bytesOfKey = await database.select(`SELECT key_bytes FROM latchkey.keys WHERE key LIKE '\\\\x62%'`);
    expect(bytesOfKey).toEqual([{ key_bytes: Buffer.from('bytes/\xff\x00', 'latin1') }]);
  });

  it('tell of every version with its time, deletions too, and where the lease went', async () => {
    const machine = new TestMachine();
    machine.run(grant(1));
    machine.run(put('a', '1', { leaseId: lease(1) }));
    machine.run(put('a', '2'));
    machine.run(del('a'));
    machine.run(put('a', '3'));
    const database = await savedBy(machine);
    const history = `SELECT revision, deleted, value, version, lease, updated_at FROM latchkey.key_history
                     WHERE key = 'a' ORDER BY revision`;
    expect(await database.select(history)).toEqual([
      { revision: '2', deleted: false, value: '1', version: '1', lease: lease(1), updated_at: at(2) },
      { revision: '3', deleted: false, value: '2', version: '2', lease: null, updated_at: at(3) },
      { revision: '4', deleted: true, value: null, version: null, lease: null, updated_at: at(4) },
      { revision: '5', deleted: false, value: '3', version: '1', lease: null, updated_at: at(5) },
    ]);
  });

  it('tell what was there at a revision', async () => {
    const machine = new TestMachine();
    machine.run(put('c/max', '100'), put('c/min', '1'), put('d', '0'));
    machine.run(put('c/max', '250'), del('c/min'));
    const database = await savedBy(machine);
    const then = `SELECT DISTINCT ON (key) key, value, deleted FROM latchkey.key_history
                  WHERE key LIKE 'c/%' AND revision <= $1 ORDER BY key, revision DESC`;
    expect(await database.select(then, [4])).toEqual([
      { key: 'c/max', value: '100', deleted: false },
      { key: 'c/min', value: '1', deleted: false },
    ]);
    expect(await database.select(then, [6])).toEqual([
      { key: 'c/max', value: '250', deleted: false },
      { key: 'c/min', value: null, deleted: true },
    ]);
  });

  it('show nothing of what is compacted, though its rows are not swept yet', async () => {
    const machine = new TestMachine();
    const names = Array.from({ length: MANY_KEYS }, (_, count) => `gone/${count}`);
    machine.run(...names.map((name) => put(name, '1')));
    machine.run(...names.map((name) => put(name, '2')), put('kept', '1'), put('kept', '2'));
    machine.run(...names.map((name) => del(name)), put('last', '1'));
    machine.run(compact(machine.state.revision - 1));
    const database = await savedBy(machine);
    const [rows] = await database.select(`SELECT count(*)::int AS count FROM latchkey.version_row`);
    expect(rows?.['count']).toBeGreaterThan(MANY_KEYS);
    expect(await database.select('SELECT key, revision, deleted FROM latchkey.key_history ORDER BY revision')).toEqual([
      { key: 'kept', revision: String(2 * MANY_KEYS + 3), deleted: false },
      { key: 'last', revision: String(machine.state.revision), deleted: false },
    ]);
  });
});

describe('latchkey.config', () => {
  it('shows JSON as JSON, and what is none as the text that it is', async () => {
    const machine = new TestMachine();
    machine.run(
      put('config/payments/limits/max', '100'),
      put('config/payments/currencies', '["EUR","CHF"]'),
      put('config/payments/raw', 'not json'),
      put('config/payments/nul', String.raw`"\u0000"`),
      put('config/payments/deep', '['.repeat(200_000)),
      put('config/other/\xff', 'true'),
      put('config/payments/', 'no key'),
      put('config/payments', 'no slash'),
      put('configuration/payments/x', '1'),
    );
    const database = await savedBy(machine);
    const shown = await database.select(
      `SELECT namespace, key, value, left(value_text, 20) AS value_text FROM latchkey.config ORDER BY namespace, key`,
    );
    expect(shown.filter(({ key }) => key !== 'deep')).toEqual([
      { namespace: 'other', key: String.raw`\xff`, value: true, value_text: 'true' },
      { namespace: 'payments', key: 'currencies', value: ['EUR', 'CHF'], value_text: '["EUR","CHF"]' },
      { namespace: 'payments', key: 'limits/max', value: 100, value_text: '100' },
      { namespace: 'payments', key: 'nul', value: String.raw`"\u0000"`, value_text: String.raw`"\u0000"` },
      { namespace: 'payments', key: 'raw', value: 'not json', value_text: 'not json' },
    ]);
    expect(shown).toHaveLength(6);
  });
});

describe('latchkey.locks, latchkey.lock_history and the same of elections', () => {
  it('say who holds and who waits, and who held at a moment', async () => {
    const machine = new TestMachine();
    machine.run(grant(1), grant(2), grant(3));
    machine.run(enter('billing', 1, { value: '{"mode":"exclusive","owner":{"job":"nightly"}}' }));
    machine.run(enter('billing', 2, { value: '{"owner":"web-2"}' }));
    machine.run(enter('billing', 3));
    machine.run(leave('billing', 2));
    machine.run(revoke(1));
    machine.run(enter('billing', 2));
    const database = await savedBy(machine);
    expect(
      await database.select(
        'SELECT name, holds, position, owner, lease, fencing_token FROM latchkey.locks ORDER BY 1, 3',
      ),
    ).toEqual([
      { name: 'billing', holds: true, position: '0', owner: null, lease: lease(3), fencing_token: '4' },
      { name: 'billing', holds: false, position: '1', owner: null, lease: lease(2), fencing_token: '7' },
    ]);
    const history = await database.select('SELECT * FROM latchkey.lock_history ORDER BY held_from');
    const exact = { name: 'billing', start_is_exact: true };
    expect(history).toEqual([
      {
        ...exact,
        owner: { job: 'nightly' },
        lease: lease(1),
        fencing_token: '2',
        entered_at: at(2),
        held_from_revision: '2',
        held_from: at(2),
        held_until_revision: '6',
        held_until: at(6),
      },
      {
        ...exact,
        owner: null,
        lease: lease(3),
        fencing_token: '4',
        entered_at: at(4),
        held_from_revision: '6',
        held_from: at(6),
        held_until_revision: null,
        held_until: null,
      },
    ]);
    const heldAt = `SELECT lease FROM latchkey.lock_history
                    WHERE name = 'billing' AND held_from <= $1 AND (held_until IS NULL OR held_until > $1)`;
    expect(await database.select(heldAt, [at(5)])).toEqual([{ lease: lease(1) }]);
    expect(await database.select(heldAt, [at(6)])).toEqual([{ lease: lease(3) }]);
    expect(await database.select(heldAt, [at(1)])).toEqual([]);
  });

  it('know the keys of other etcd clients, and those that only look like one', async () => {
    const machine = new TestMachine();
    machine.run(grant(1), grant(0x2a));
    machine.run(put('locks/a/b/2a', '', { leaseId: lease(0x2a) }));
    machine.run(put('locks/a/b/1', '', { leaseId: lease(0x2a) }));
    machine.run(put('locks/a/1', '', { leaseId: null }));
    machine.run(put('locks/a/01', '', { leaseId: lease(1) }));
    machine.run(put('locks//1', '', { leaseId: lease(1) }));
    machine.run(put('locks/\xff\n\\/1', '', { leaseId: lease(1) }));
    machine.run(put('elections/boss/1', 'me', { leaseId: lease(1) }));
    const database = await savedBy(machine);
    expect(machine.state.queueNames('locks', '')).toEqual(['a/b', '\xff\n\\']);
    expect(await database.select('SELECT name, lease FROM latchkey.locks ORDER BY fencing_token')).toEqual([
      { name: 'a/b', lease: lease(0x2a) },
      { name: String.raw`\xff0a5c`, lease: lease(1) },
    ]);
    const elections = 'SELECT name, holds, value, lease FROM latchkey.elections';
    expect(await database.select(elections)).toEqual([{ name: 'boss', holds: true, value: 'me', lease: lease(1) }]);
    expect(await database.select('SELECT name, value, held_until FROM latchkey.election_history')).toEqual([
      { name: 'boss', value: 'me', held_until: null },
    ]);
  });

  it('say where the beginning is not known, because what was before is compacted', async () => {
    const machine = new TestMachine();
    machine.run(grant(1), grant(2), grant(3));
    machine.run(enter('x', 1));
    machine.run(enter('x', 2));
    machine.run(leave('x', 1));
    machine.run(enter('x', 3), leave('x', 2));
    machine.run(compact(machine.state.revision - 1));
    const database = await savedBy(machine);
    expect(
      await database.select('SELECT lease, held_from_revision, start_is_exact FROM latchkey.lock_history ORDER BY 1'),
    ).toEqual([
      { lease: lease(2), held_from_revision: '3', start_is_exact: false },
      { lease: lease(3), held_from_revision: '6', start_is_exact: true },
    ]);
  });
});

describe('latchkey.status and latchkey.leases', () => {
  it('say whose database it is and how far it is saved', async () => {
    const machine = new TestMachine();
    machine.run(grant(1, 30_000), put('a', '1'), put('a', '2'));
    machine.run(compact(2));
    const database = await savedBy(machine);
    const { claim } = database.stores.logStore;
    expect(await database.select('SELECT * FROM latchkey.status')).toEqual([
      {
        cluster: 'orders',
        node: 'n1',
        store_id: claim?.storeId,
        epoch: String(claim?.epoch),
        term: '0',
        voted_for: null,
        log_last_index: '2',
        applied_index: '2',
        revision: '3',
        compacted_revision: '2',
      },
    ]);
    expect(await database.select('SELECT * FROM latchkey.leases')).toEqual([
      { lease: lease(1), ttl_ms: '30000', remaining_ttl_ms: null },
    ]);
  });

  it('answer as well when nothing was saved yet', async () => {
    const database = await StateDatabase.create();
    opened.push(database);
    expect(await database.select('SELECT node, applied_index, revision FROM latchkey.status')).toEqual([
      { node: 'n1', applied_index: '0', revision: null },
    ]);
    for (const view of ['keys', 'key_history', 'config', 'locks', 'lock_history', 'leases']) {
      expect(await database.select(`SELECT * FROM latchkey.${view}`)).toEqual([]);
    }
  });
});

describe('the role latchkey_reader', () => {
  it('reads every view, and neither reads nor writes anything else', async () => {
    const machine = new TestMachine();
    machine.run(grant(1), put('schl\xc3\xbcssel', 'x'), enter('x', 1, { value: '{"owner":1}' }));
    machine.run(put('config/a/b', '{}'));
    const database = await savedBy(machine);
    await database.select('SET ROLE latchkey_reader');
    const views = ['keys', 'key_history', 'config', 'locks', 'lock_history', 'leases', 'status'];
    for (const view of views) expect(await database.select(`SELECT * FROM latchkey.${view}`)).not.toEqual([]);
    for (const view of ['elections', 'election_history']) await database.select(`SELECT * FROM latchkey.${view}`);
    for (const table of ['state_row', 'log_batch', 'store', 'peer', 'key_version', 'queue_interval']) {
      await expect(database.select(`SELECT * FROM latchkey.${table}`)).rejects.toThrow(REFUSED);
    }
    await expect(database.select(`DELETE FROM latchkey.leases`)).rejects.toThrow(REFUSED);
    await expect(database.select('CREATE TABLE latchkey.mine ()')).rejects.toThrow(REFUSED);
  });

  it('is done without where the node may not make it', async () => {
    const { url: serverUrl } = await testPostgres();
    const databases = await queryOnce(serverUrl, `SELECT datname FROM pg_database WHERE datname LIKE 'test_%'`);
    for (const { datname } of databases) {
      await queryOnce(urlOfDatabase(serverUrl, String(datname)), 'DROP OWNED BY latchkey_reader');
    }
    await queryOnce(serverUrl, 'DROP ROLE IF EXISTS latchkey_reader');
    await queryOnce(serverUrl, `CREATE ROLE modest LOGIN PASSWORD 'modest'`);
    await queryOnce(serverUrl, 'CREATE DATABASE modest OWNER modest');
    const url = new URL(urlOfDatabase(serverUrl, 'modest'));
    url.username = 'modest';
    url.password = 'modest';
    const { logStore } = createPostgresStores({ url: url.href, nodeId: nodeId('n1'), clusterId: 'orders' });
    await logStore.load();
    await logStore.close();
    expect(await queryOnce(serverUrl, `SELECT FROM pg_roles WHERE rolname = 'latchkey_reader'`)).toEqual([]);
    expect(await queryOnce(url.href, 'SELECT node FROM latchkey.status')).toEqual([{ node: 'n1' }]);
    // For the next one, which finds it there.
    await queryOnce(serverUrl, 'CREATE ROLE latchkey_reader NOLOGIN');
    const nextUrl = await createDatabase();
    const next = createPostgresStores({ url: nextUrl, nodeId: nodeId('n1'), clusterId: 'orders' });
    await next.logStore.load();
    await next.logStore.close();
    const readable = `SELECT has_table_privilege('latchkey_reader', 'latchkey.keys', 'SELECT') AS granted`;
    expect(await queryOnce(nextUrl, readable)).toEqual([{ granted: true }]);
  });
});
