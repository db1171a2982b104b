import { describe, expect, it } from 'vitest';
import { parseClusterFile } from './cluster-file.js';
import { environmentOfOneNode, environmentOfSupervisedNode, findNode } from './node-environment.js';

const DESCRIPTION = parseClusterFile(
  `
clusterId: shop
secret: from-the-file
settings: { heartbeatMs: 50, logLevel: info }
nodes:
  - { id: n1, peerUrl: "http://127.0.0.1:7401", client: { port: 7301 }, databaseUrl: "postgres://one" }
  - { id: n2, peerUrl: "http://127.0.0.1:7402", client: { port: 7302 }, settings: { logLevel: debug } }
`,
  'cluster.yaml',
);
const N1 = findNode(DESCRIPTION, 'n1');
const N2 = findNode(DESCRIPTION, 'n2');

describe('environment of a node', () => {
  it("says everything that the file says, a node's own settings on top", () => {
    expect(environmentOfSupervisedNode(DESCRIPTION, N2, {})).toEqual({
      LATCHKEY_NODE_ID: 'n2',
      LATCHKEY_CLUSTER_ID: 'shop',
      LATCHKEY_PEERS: 'n1=http://127.0.0.1:7401,n2=http://127.0.0.1:7402',
      LATCHKEY_CLIENT_HOST: '127.0.0.1',
      LATCHKEY_CLIENT_PORT: '7302',
      LATCHKEY_PEER_HOST: '127.0.0.1',
      LATCHKEY_PEER_PORT: '7402',
      LATCHKEY_STORAGE: 'postgres',
      LATCHKEY_PEER_SECRET: 'from-the-file',
      LATCHKEY_HEARTBEAT_MS: '50',
      LATCHKEY_LOG_LEVEL: 'debug',
    });
  });

  it('lets the caller override a single node, whichever form its secret has', () => {
    const caller = { PATH: '/bin', LATCHKEY_PEER_SECRET_FILE: '/run/secret', LATCHKEY_CLIENT_PORT: '9000' };
    const environment = environmentOfOneNode(DESCRIPTION, N1, caller);
    expect(environment).toMatchObject({
      PATH: '/bin',
      LATCHKEY_PEER_SECRET_FILE: '/run/secret',
      LATCHKEY_CLIENT_PORT: '9000',
    });
    expect(environment).not.toHaveProperty('LATCHKEY_PEER_SECRET');
  });

  it('tells a node that joins of the first members, and these nothing of it: who they are must not change by a file', () => {
    const joining = { ...N2, id: 'n3', peerUrl: 'http://127.0.0.1:7403', join: true };
    const larger = { ...DESCRIPTION, nodes: [N1, N2, joining, { ...joining, id: 'n4' }] };
    expect(environmentOfSupervisedNode(larger, joining, {})).toMatchObject({
      LATCHKEY_JOIN: 'true',
      LATCHKEY_PEERS: 'n1=http://127.0.0.1:7401,n2=http://127.0.0.1:7402,n3=http://127.0.0.1:7403',
    });
    const first = environmentOfSupervisedNode(larger, N1, {});
    expect(first['LATCHKEY_PEERS']).toBe('n1=http://127.0.0.1:7401,n2=http://127.0.0.1:7402');
    expect(first).not.toHaveProperty('LATCHKEY_JOIN');
  });

  it('refuses to start a node on Postgres without a database', () => {
    expect(() => environmentOfOneNode(DESCRIPTION, N2, {})).toThrow(/node n2 has no database/);
    expect(environmentOfOneNode(DESCRIPTION, N2, { LATCHKEY_DATABASE_URL: 'postgres://x' })).toMatchObject({
      LATCHKEY_DATABASE_URL: 'postgres://x',
    });
    expect(environmentOfOneNode(DESCRIPTION, N2, { LATCHKEY_STORAGE: 'memory' })).toMatchObject({
      LATCHKEY_STORAGE: 'memory',
    });
  });

  it("does not give one node's port or database to all that `up` starts, but does pass shared settings on", () => {
    const caller = {
      LATCHKEY_CLIENT_PORT: '9000',
      LATCHKEY_DATABASE_URL: 'postgres://x',
      LATCHKEY_ENDPOINTS: 'http://elsewhere:1',
      LATCHKEY_LOG_LEVEL: 'trace',
    };
    const environment = environmentOfSupervisedNode(DESCRIPTION, N1, caller);
    expect(environment).toMatchObject({
      LATCHKEY_CLIENT_PORT: '7301',
      LATCHKEY_DATABASE_URL: 'postgres://one',
      LATCHKEY_LOG_LEVEL: 'trace',
    });
    expect(environment).not.toHaveProperty('LATCHKEY_ENDPOINTS');
  });

  it('names the known nodes when the asked one is not in the file', () => {
    expect(() => findNode(DESCRIPTION, 'n9')).toThrow('describes no node "n9" (it has n1, n2)');
  });
});
