import { describe, expect, it } from 'vitest';
import { A_MOMENT_MS, ClientWorld, NODE_1, NODE_2, NODE_3, track } from '../test-support/client-world.js';
import { ANNOUNCEMENT_TIMEOUT_MS, LEADER_CHANGE_SPREAD_MS } from './leader-seeker.js';
import { CHECK_INTERVAL_MS, PROBE_AFTER_SILENCE_MS, PROBE_TIMEOUT_MS } from './liveness-probe.js';

const VALUE = new TextEncoder().encode('blue');

/** The client begins at node 1, and the leader is the one that is said. */
async function clientBeside(leader: string | null) {
  const world = new ClientWorld();
  world.cluster.leader = leader;
  const { core, client } = await world.connect();
  const connectionsTo = (endpoint: string) => world.cluster.node(endpoint).connections.size;
  return { world, core, client, connectionsTo };
}

describe('a client that asks for what only the leader can give', () => {
  it('goes to the leader, asking node after node, and leaves no other connection behind', async () => {
    const { world, core, client, connectionsTo } = await clientBeside(NODE_3);
    const before = NODE_1;
    expect(core.endpoint).toBe(before);
    const renewals = connectionsTo(NODE_1) - 1;
    await world.finish(client.kv.put('colour', VALUE));
    await world.clock.advance(A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_3);
    expect([connectionsTo(NODE_1), connectionsTo(NODE_2), connectionsTo(NODE_3)]).toEqual([renewals, 0, 1]);
  });

  it('stays when it is with the leader', async () => {
    const { world, core, client, connectionsTo } = await clientBeside(NODE_1);
    await world.finish(client.kv.put('colour', VALUE));
    await world.clock.advance(A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_1);
    expect([connectionsTo(NODE_2), connectionsTo(NODE_3)]).toEqual([0, 0]);
  });

  it('stays when the nodes say nothing of a leader, as older ones do', async () => {
    const { world, core, client } = await clientBeside(null);
    await world.finish(client.kv.put('colour', VALUE));
    await world.clock.advance(ANNOUNCEMENT_TIMEOUT_MS);
    expect(core.endpoint).toBe(NODE_1);
  });

  it('stays when none of its endpoints is the leader’s, and asks each only once', async () => {
    const { world, core, client, connectionsTo } = await clientBeside('http://elsewhere');
    for (let count = 0; count < 5; count += 1) {
      await world.finish(client.kv.put('colour', VALUE));
      await world.clock.advance(A_MOMENT_MS);
    }
    expect(core.endpoint).toBe(NODE_1);
    expect([connectionsTo(NODE_2), connectionsTo(NODE_3)]).toEqual([0, 0]);
  });

  it('passes over a node that says nothing, and works on meanwhile', async () => {
    const { world, core, client } = await clientBeside(NODE_3);
    world.cluster.node(NODE_2).state = 'silent';
    await world.finish(client.kv.put('colour', VALUE));
    await world.finish(client.kv.put('colour', VALUE));
    expect(core.endpoint).toBe(NODE_1);
    await world.clock.advance(ANNOUNCEMENT_TIMEOUT_MS + A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_3);
  });

  it('follows when another node becomes the leader', async () => {
    const { world, core, client } = await clientBeside(NODE_2);
    await world.finish(client.kv.put('colour', VALUE));
    await world.clock.advance(A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_2);
    world.cluster.leader = NODE_3;
    await world.clock.advance(LEADER_CHANGE_SPREAD_MS + A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_3);
  });

  it('goes on at the others when the leader is killed, and to the one that comes after it', async () => {
    const { world, core, client } = await clientBeside(NODE_2);
    await world.finish(client.kv.put('colour', VALUE));
    await world.clock.advance(A_MOMENT_MS);
    world.cluster.kill(NODE_2);
    await world.finish(client.kv.put('colour', VALUE));
    expect(core.endpoint).toBe(NODE_3);
    world.cluster.leader = NODE_1;
    await world.clock.advance(LEADER_CHANGE_SPREAD_MS + A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_1);
  });

  it('loses nothing on its way: writes take effect once, a place in a queue is kept, a watch has no gap', async () => {
    const { world, core, client } = await clientBeside(null);
    const other = await world.connect();
    const held = await world.finish(other.client.lock('l').acquire());
    const waiting = track(client.lock('l').acquire());
    const seen: string[] = [];
    const stream = client.kv.watch({ prefix: 'k' });
    void (async () => {
      for await (const { key } of stream) seen.push(key);
    })();
    await world.clock.advance(A_MOMENT_MS);
    const names = Array.from({ length: 20 }, (_, position) => `k${position}`);
    // The announcement comes while they are on their way.
    const writes = names.map((name) => track(client.kv.put(name, VALUE)));
    world.cluster.leader = NODE_2;
    await world.clock.advance(LEADER_CHANGE_SPREAD_MS + A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_2);
    expect(writes.map(({ state }) => state)).toEqual(names.map(() => 'resolved'));
    expect(world.cluster.executed.filter(({ op }) => op === 'put')).toHaveLength(names.length);
    expect(seen).toEqual(names);
    expect(waiting.state).toBe('pending');
    await world.finish(held.release());
    await world.clock.advance(A_MOMENT_MS);
    expect(waiting.state).toBe('resolved');
  });
});

describe('a client whose leader hangs while it owes answers', () => {
  /** It has just been asked, in vain. */
  async function clientOfHungLeader() {
    const { world, core, client, connectionsTo } = await clientBeside(NODE_1);
    await world.finish(client.kv.put('colour', VALUE));
    world.cluster.node(NODE_1).state = 'silent';
    const write = track(client.kv.put('colour', VALUE));
    await world.clock.advance(PROBE_AFTER_SILENCE_MS + CHECK_INTERVAL_MS + A_MOMENT_MS);
    return { world, core, client, write, connectionsTo };
  }

  it('leaves it as soon as another node knows a new one, and goes there', async () => {
    const { world, core, write } = await clientOfHungLeader();
    expect(core.endpoint).toBe(NODE_1);
    const reasons: string[] = [];
    core.events.on('disconnected', ({ reason }) => reasons.push(reason));
    world.cluster.leader = NODE_3;
    await world.clock.advance(A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_3);
    expect(write.state).toBe('resolved');
    // It had asked node 2, and is there at once.
    expect(reasons).toEqual([`it is silent, and ${NODE_3} leads`, `the leader is at ${NODE_3}`]);
  });

  it('asks another node when the first one that it asks is silent too', async () => {
    const { world, core, write } = await clientOfHungLeader();
    world.cluster.kill(NODE_2);
    world.cluster.leader = NODE_3;
    await world.clock.advance(A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_3);
    expect(write.state).toBe('resolved');
  });

  it('stays with a leader that is only slow, and closes what it has opened to ask', async () => {
    const { world, core, client, connectionsTo } = await clientOfHungLeader();
    expect(connectionsTo(NODE_2)).toBe(1);
    world.cluster.node(NODE_1).state = 'up';
    await world.finish(client.kv.get('colour'));
    expect(core.endpoint).toBe(NODE_1);
    expect([connectionsTo(NODE_2), connectionsTo(NODE_3)]).toEqual([0, 0]);
  });

  it('leaves it without a successor when it does not answer for long', async () => {
    const { world, core, write } = await clientOfHungLeader();
    await world.clock.advance(PROBE_TIMEOUT_MS + CHECK_INTERVAL_MS);
    expect(core.endpoint).not.toBe(NODE_1);
    expect(write.state).toBe('resolved');
  });
});

describe('a client that only watches, or reads what may be old', () => {
  it('stays where it is, so that the watches of a cluster stay spread over its nodes', async () => {
    const { world, core, client } = await clientBeside(NODE_3);
    const stream = client.kv.watch({ prefix: 'k' });
    await world.finish(client.kv.get('k1', { consistency: 'serializable' }));
    await world.clock.advance(ANNOUNCEMENT_TIMEOUT_MS);
    expect(core.endpoint).toBe(NODE_1);
    await stream[Symbol.asyncIterator]().return?.();
  });
});
