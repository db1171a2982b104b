import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from './read-settings.js';
import { SettingsError } from './settings-error.js';

const MEMORY = { LATCHKEY_STORAGE: 'memory' };
const THREE_PEERS = 'n1=http://127.0.0.1:7401,n2=http://127.0.0.1:7402,n3=http://127.0.0.1:7403';

const refusal = (variables: Record<string, string>): string => {
  try {
    readSettings(variables);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('a node’s settings', () => {
  it('makes a cluster of one from nothing but the memory store', () => {
    const settings = readSettings(MEMORY);
    expect([...settings.peers]).toEqual([['n1', 'http://127.0.0.1:7401']]);
    expect(settings).toMatchObject({ nodeId: 'n1', clientPort: 7301, heartbeatMs: 150, electionTimeoutMs: 600 });
  });

  it('reads peers, levels and numbers', () => {
    const settings = readSettings({
      ...MEMORY,
      LATCHKEY_NODE_ID: 'n2',
      LATCHKEY_PEERS: THREE_PEERS,
      LATCHKEY_PEER_SECRET: 'a-secret-of-all-nodes',
      LATCHKEY_LOG_LEVEL: 'warn,raft=trace',
      LATCHKEY_CLIENT_PORT: '0',
    });
    expect(settings.peers.size).toBe(3);
    expect(settings.clientPort).toBe(0);
    expect(settings.logLevels.general).toBe('warn');
    expect(settings.logLevels.byPart.get('raft')).toBe('trace');
  });

  it.each([
    [{ LATCHKEY_CLIENT_PORT: 'abc' }, 'LATCHKEY_CLIENT_PORT'],
    [{ LATCHKEY_CLIENT_PORT: '70000' }, 'LATCHKEY_CLIENT_PORT'],
    [{ LATCHKEY_CLIENT_PORT: '-1' }, 'LATCHKEY_CLIENT_PORT'],
    [{ LATCHKEY_CLIENT_PORT: '7301.5' }, 'LATCHKEY_CLIENT_PORT'],
    [{ LATCHKEY_NODE_ID: 'a b' }, 'LATCHKEY_NODE_ID'],
    [{ LATCHKEY_STORAGE: 'disk' }, 'LATCHKEY_STORAGE'],
    [{ LATCHKEY_STORAGE: 'postgres' }, 'LATCHKEY_DATABASE_URL'],
    [{ LATCHKEY_STORAGE: 'postgres', LATCHKEY_DATABASE_URL: 'mysql://x' }, 'LATCHKEY_DATABASE_URL'],
    [{ LATCHKEY_PEERS: 'n2=http://127.0.0.1:7402' }, 'LATCHKEY_PEERS'],
    [{ LATCHKEY_PEERS: 'n1' }, 'LATCHKEY_PEERS'],
    [{ LATCHKEY_PEERS: 'n1=ftp://h:1' }, 'LATCHKEY_PEERS'],
    [{ LATCHKEY_PEERS: 'n1=http://h:1,n1=http://h:2' }, 'LATCHKEY_PEERS'],
    [{ LATCHKEY_PEERS: 'n1=http://h:1,n2=http://h:1' }, 'LATCHKEY_PEERS'],
    [{ LATCHKEY_PEERS: THREE_PEERS }, 'LATCHKEY_PEER_SECRET'],
    [{ LATCHKEY_PEER_SECRET: 'short' }, 'LATCHKEY_PEER_SECRET'],
    [{ LATCHKEY_PEER_SECRET_FILE: '/no/such/file' }, 'LATCHKEY_PEER_SECRET_FILE'],
    [{ LATCHKEY_HEARTBEAT_MS: '500' }, 'LATCHKEY_ELECTION_TIMEOUT_MS'],
    [{ LATCHKEY_LOG_LEVEL: 'loud' }, 'LATCHKEY_LOG_LEVEL'],
    [{ LATCHKEY_LOG_LEVEL: 'info,raft=loud' }, 'LATCHKEY_LOG_LEVEL'],
    [{ LATCHKEY_MAX_VALUE_BYTES: '99999999' }, 'LATCHKEY_MAX_VALUE_BYTES'],
    [{ LATCHKEY_JOIN: 'yes' }, 'LATCHKEY_JOIN'],
    [{ LATCHKEY_JOIN: 'true' }, 'LATCHKEY_PEERS'],
    [{ LATCHKEY_NODEID: 'n1' }, 'LATCHKEY_NODEID'],
  ])('refuses %j in one line that names %s', (variables, variable) => {
    const message = refusal({ ...MEMORY, ...variables });
    expect(message.startsWith(`${variable}: `)).toBe(true);
    expect(message).not.toContain('\n');
  });

  it('never shows a secret in its refusal', () => {
    expect(refusal({ LATCHKEY_DATABASE_URL: 'mysql://root:hunter2@db' })).not.toContain('hunter2');
  });

  it('joins a cluster when told to, by way of the members that are named', () => {
    const joining = {
      ...MEMORY,
      LATCHKEY_NODE_ID: 'n4',
      LATCHKEY_PEER_SECRET: 'a-secret-of-all-nodes',
      LATCHKEY_PEERS: `${THREE_PEERS},n4=http://127.0.0.1:7404`,
    };
    expect(readSettings(joining).join).toBe(false);
    expect(readSettings({ ...joining, LATCHKEY_JOIN: 'true' })).toMatchObject({ join: true });
  });

  it('leaves the variables of the command line alone', () => {
    expect(refusal({ ...MEMORY, LATCHKEY_ENDPOINTS: 'http://127.0.0.1:7301' })).toBe('accepted');
  });
});

describe('a secret in a file', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-settings-'));
    writeFileSync(join(folder, 'secret'), 'from-a-file-of-secrets\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read without its final line end', () => {
    expect(readSettings({ ...MEMORY, LATCHKEY_PEER_SECRET_FILE: join(folder, 'secret') }).peerSecret).toBe(
      'from-a-file-of-secrets',
    );
  });

  it('is refused when the variable itself is set too', () => {
    const both = { LATCHKEY_PEER_SECRET: 'from-the-variable', LATCHKEY_PEER_SECRET_FILE: join(folder, 'secret') };
    expect(refusal({ ...MEMORY, ...both })).toContain('LATCHKEY_PEER_SECRET: is given twice');
  });
});
