import { nodeId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { planFor } from '../plan.js';
import { World } from '../world/world.js';
import { Random } from '../world/random.js';
import { ClientMachine } from './client-machine.js';
import { ClientNetwork, endpointOf, type ClientNetworkRates } from './client-network.js';

const SEED = 5;
const A_WHILE_MS = 5_000;
const ENOUGH_FRAMES = 50;
const STATUS_REQUEST = { op: 'status' } as const;

/** One node that runs, and a client's connection to it. */
async function connected(rates: Partial<ClientNetworkRates> = {}) {
  const world = new World(planFor({ seed: SEED, profile: 'calm' }));
  for (const node of world.nodes) node.start();
  await world.runUntil(A_WHILE_MS);
  const network = new ClientNetwork({
    queue: world.queue,
    random: new Random(SEED, 'client network'),
    nodes: world.nodes,
    rates: () => ({ loss: 0, late: 0, ...rates }),
  });
  const heard: string[] = [];
  const machine = new ClientMachine(world.queue, 1);
  const connection = network.connector('c', machine).open(endpointOf(nodeId('n1')), {
    opened: () => heard.push('opened'),
    announced: () => undefined,
    responses: (frame) => heard.push(...frame.map(([id]) => `answer ${id}`)),
    watch: () => undefined,
    closed: ({ message }) => heard.push(`closed: ${message}`),
  });
  const pass = () => world.runUntil(world.nowMs + A_WHILE_MS);
  await pass();
  return { world, machine, connection, heard, pass };
}

describe('a client’s connection', () => {
  it('opens, and brings frames and answers in order', async () => {
    const { connection, heard, pass } = await connected();
    for (const id of [1, 2, 3]) connection.send([0, null, [[id, STATUS_REQUEST]]]);
    await pass();
    expect(heard).toEqual(['opened', 'answer 1', 'answer 2', 'answer 3']);
  });

  it('is closed at once when its node crashes and the peers learn of it, and stays silent when they do not', async () => {
    for (const peersLearn of [true, false]) {
      const { world, connection, heard, pass } = await connected();
      world.nodes[0]?.crash({ peersLearn });
      connection.send([0, null, [[1, STATUS_REQUEST]]]);
      await pass();
      expect(heard).toEqual(peersLearn ? ['opened', 'closed: the node has ended'] : ['opened']);
    }
  });

  it('dies of a lost frame: nothing gets through afterwards', async () => {
    const { connection, heard, pass } = await connected();
    const dying = await connected({ loss: 0.2 });
    for (let id = 1; id <= ENOUGH_FRAMES; id += 1) {
      connection.send([0, null, [[id, STATUS_REQUEST]]]);
      dying.connection.send([0, null, [[id, STATUS_REQUEST]]]);
    }
    await pass();
    await dying.pass();
    expect(heard).toHaveLength(1 + ENOUGH_FRAMES);
    expect(dying.heard.filter((line) => line.startsWith('answer')).length).toBeLessThan(ENOUGH_FRAMES);
  });

  it('still brings to the node what was under way when its client closed it, and nothing to the client', async () => {
    const { world, connection, heard, pass } = await connected({ late: 1 });
    const leases = () => [...(world.nodes[0]?.life?.reader.leases() ?? [])].length;
    connection.send([0, null, [[1, { op: 'leaseGrant', id: '00000000000000aa', ttlMs: 60_000 }]]]);
    connection.close();
    await pass();
    await pass();
    expect(leases()).toBe(1);
    expect(heard).toEqual(['opened']);
  });

  it('tells a client that stands still nothing until it goes on', async () => {
    const { machine, connection, heard, pass } = await connected();
    connection.send([0, null, [[1, STATUS_REQUEST]]]);
    machine.process.pause();
    await pass();
    expect(heard).toEqual(['opened']);
    machine.process.resume();
    await pass();
    expect(heard).toEqual(['opened', 'answer 1']);
  });
});
