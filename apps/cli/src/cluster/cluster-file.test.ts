import { describe, expect, it } from 'vitest';
import { clientUrl } from './cluster-description.js';
import { parseClusterFile, renderClusterFile } from './cluster-file.js';

const PATH = '/etc/latchkey/cluster.yaml';

const WHOLE = `
clusterId: shop
secretFile: secrets/peer
storage: postgres
settings:
  electionTimeoutMs: 300
nodes:
  - id: n1
    peerUrl: http://10.0.0.1:7401
    peerListen: { host: 0.0.0.0 }
    client: { host: 0.0.0.0, port: 7301 }
    databaseUrl: postgres://one
    settings: { logLevel: "info,raft=trace" }
  - id: n2
    peerUrl: http://10.0.0.2:7401
    client: { port: 7301, host: 10.0.0.2 }
    databaseUrl: postgres://two
  - { id: n3, peerUrl: "http://10.0.0.3:7401", client: { port: 7301, host: 10.0.0.3 }, databaseUrl: three, join: true }
`;

const ONE_NODE = 'nodes: [{ id: n1, peerUrl: "http://a:1", client: { port: 2 }, databaseUrl: x }]';

describe('cluster file', () => {
  it('describes every node, with listeners taken from the peer URL unless given', () => {
    const description = parseClusterFile(WHOLE, PATH);
    expect(description).toMatchObject({
      clusterId: 'shop',
      secret: { kind: 'file', path: '/etc/latchkey/secrets/peer' },
      storage: 'postgres',
      settings: { electionTimeoutMs: '300' },
    });
    expect(description.nodes[0]).toEqual({
      id: 'n1',
      peerUrl: 'http://10.0.0.1:7401',
      peerListen: { host: '0.0.0.0', port: 7401 },
      client: { host: '0.0.0.0', port: 7301 },
      databaseUrl: 'postgres://one',
      join: false,
      settings: { logLevel: 'info,raft=trace' },
    });
    expect(description.nodes[1]?.peerListen).toEqual({ host: '10.0.0.2', port: 7401 });
  });

  it('reads back what it wrote', () => {
    const description = parseClusterFile(WHOLE, PATH);
    expect(parseClusterFile(renderClusterFile(description, PATH), PATH)).toEqual(description);
  });

  it('shows an address that a client on this host can reach, whatever the node listens on', () => {
    expect(clientUrl({ client: { host: '0.0.0.0', port: 7301 } })).toBe('http://127.0.0.1:7301');
    expect(clientUrl({ client: { host: 'fd00::1', port: 7301 } })).toBe('http://[fd00::1]:7301');
  });

  it.each([
    ['a missing cluster id', ONE_NODE, 'clusterId: is missing'],
    [
      'nobody to join',
      'clusterId: a\nnodes: [{ id: n1, peerUrl: "http://a:1", client: { port: 2 }, databaseUrl: x, join: true }]',
      'nodes: must name a node that does not join',
    ],
    ['no nodes', 'clusterId: a', 'nodes: must be a list'],
    ['an empty list of nodes', 'clusterId: a\nnodes: []', 'nodes: must name at least one node'],
    ['a misspelled field', `clusterId: a\nstorge: memory\n${ONE_NODE}`, 'storge: is not known here'],
    ['another storage', `clusterId: a\nstorage: sqlite\n${ONE_NODE}`, 'storage: must be one of postgres, memory'],
    ['two secrets', `clusterId: a\nsecret: b\nsecretFile: c\n${ONE_NODE}`, 'give either secret or secretFile'],
    [
      'a setting that has its own field',
      `clusterId: a\nsettings: {clientPort: 1}\n${ONE_NODE}`,
      'settings.clientPort: is written as client.port',
    ],
    [
      'a setting in environment style',
      `clusterId: a\nsettings: {LOG_LEVEL: x}\n${ONE_NODE}`,
      'settings.LOG_LEVEL: must be written like electionTimeoutMs',
    ],
    [
      'a port that is text',
      ONE_NODE.replace('port: 2', 'port: two').replace('nodes', 'clusterId: a\nnodes'),
      'nodes[0].client.port: must be a port number (1 to 65535), got "two"',
    ],
    [
      'a peer URL without a port',
      ONE_NODE.replace('http://a:1', 'http://a').replace('nodes', 'clusterId: a\nnodes'),
      'nodes[0].peerUrl: "http://a" must be like http://host:7401',
    ],
    [
      'a node id with a space',
      ONE_NODE.replace('id: n1', 'id: "n 1"').replace('nodes', 'clusterId: a\nnodes'),
      'nodes[0].id: "n 1" must be',
    ],
    [
      'two nodes on one database',
      WHOLE.replace('postgres://two', 'postgres://one'),
      'nodes: n1 and n2 have the same databaseUrl',
    ],
    ['two nodes of one name', WHOLE.replace('id: n2', 'id: n1'), 'n1 and n1 have the same id'],
    ['a list instead of a mapping', '- a', 'the file must be a mapping'],
    ['text that is not YAML', 'clusterId: [a', 'cluster.yaml:1: '],
  ])('refuses %s, naming the field on one line', (_situation, text, message) => {
    expect(() => parseClusterFile(text, PATH)).toThrow(message);
    expect(() => parseClusterFile(text, PATH)).toThrow(/^[^\n]*$/);
  });
});
