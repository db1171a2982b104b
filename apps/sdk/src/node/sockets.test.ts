import { CLIENT_SOCKET_PATH, PROTOCOL_VERSION } from '@latchkey/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from '../connect.js';
import { UnavailableError } from '../errors/latchkey-error.js';
import type { Latchkey } from '../latchkey.js';
import { FakeCluster } from '../test-support/fake-cluster.js';
import { SocketGateway } from '../test-support/socket-gateway.js';
import { nodeClock } from './node-clock.js';
import * as wire from './wire-constants.js';

const MANY = 200;
const NO_SUCH_NODE = 'http://127.0.0.1:1';

const opened: { clients: Latchkey[]; gateways: SocketGateway[] } = { clients: [], gateways: [] };

afterEach(async () => {
  await Promise.all(opened.clients.splice(0).map((client) => client.close()));
  await Promise.all(opened.gateways.splice(0).map((gateway) => gateway.kill()));
});

async function twoGateways() {
  const cluster = new FakeCluster(nodeClock, []);
  const gateways = [new SocketGateway(cluster), new SocketGateway(cluster)];
  opened.gateways.push(...gateways);
  const endpoints = await Promise.all(gateways.map((gateway) => gateway.listen()));
  const client = await connect({ endpoints });
  opened.clients.push(client);
  const { endpoint } = await client.status();
  const used = gateways[endpoints.indexOf(endpoint ?? '')];
  const other = gateways.find((gateway) => gateway !== used);
  if (used === undefined || other === undefined) throw new Error('connected to neither node');
  return { cluster, client, used, other };
}

describe('the client over real sockets', () => {
  it('speaks the version and path of the contract', () => {
    expect(wire.PROTOCOL_VERSION).toBe(PROTOCOL_VERSION);
    expect(wire.CLIENT_SOCKET_PATH).toBe(CLIENT_SOCKET_PATH);
  });

  it('sends the calls of one tick in one frame, and bytes arrive as bytes', async () => {
    const { client, used } = await twoGateways();
    const value = new Uint8Array([0, 255, 128]);
    await Promise.all(Array.from({ length: MANY }, (_, index) => client.kv.put(`k${index}`, value)));
    expect(used.writes('put').map((requests) => requests.length)).toEqual([MANY]);
    expect(new Uint8Array((await client.kv.get('k7'))?.value ?? [])).toEqual(value);
  });

  it('goes to another node at once when its own dies, and repeats what was unanswered with the same ids, once', async () => {
    const { cluster, client, used, other } = await twoGateways();
    used.losesAnswers = true;
    const puts = Promise.all(Array.from({ length: MANY }, (_, index) => client.kv.put(`k${index}`, 'v')));
    while (used.writes('put').length === 0) await new Promise((resolve) => setImmediate(resolve));
    await used.kill();
    await puts;
    const ids = (gateway: SocketGateway): number[] =>
      gateway.writes('put').flatMap((requests) => requests.map(([id]) => id));
    expect(ids(other)).toEqual(ids(used));
    expect(cluster.executed).toHaveLength(MANY);
  });

  it('says why when no node can be reached', async () => {
    const connecting = connect({ endpoints: [NO_SUCH_NODE], requestTimeoutMs: 300 });
    await expect(connecting).rejects.toThrow(UnavailableError);
    await expect(connecting).rejects.toThrow(/ECONNREFUSED/);
  });

  it('refuses an endpoint that is not a URL before doing anything', async () => {
    await expect(connect({ endpoints: ['localhost:7301'] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'endpoints',
    });
  });
});
