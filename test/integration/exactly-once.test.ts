import { connect } from '@latchkey/sdk';
import { describe, expect, it } from 'vitest';
import { TcpProxy } from '../support/tcp-proxy.js';
import { TestCluster } from '../support/test-cluster.js';

const PUTS = 300;
const SEED = 20_261_120;
/** Of the pieces of data that come back from the nodes. */
const LOST_REPLY_SHARE = 0.1;

describe('exactly once', () => {
  it('puts once for each call although replies are lost and repeated through other nodes', async () => {
    await using cluster = await TestCluster.start();
    const wires = await Promise.all(cluster.ids.map((id) => TcpProxy.to(cluster.clientPort(id))));
    const client = await connect({ endpoints: wires.map(({ url }) => url), requestTimeoutMs: 20_000 });
    const chance = seededChance(SEED, LOST_REPLY_SHARE);
    for (const wire of wires) wire.loseReplies(chance);
    try {
      for (let count = 0; count < PUTS; count += 1) await client.kv.put('counter', String(count));
    } finally {
      for (const wire of wires) wire.pass();
    }
    const counter = await client.kv.get('counter');
    expect(counter?.version).toBe(PUTS);
    expect(counter?.text()).toBe(String(PUTS - 1));
    // Without losses this would have tested nothing.
    expect(wires.reduce((sum, { lostReplies }) => sum + lostReplies, 0)).toBeGreaterThan(PUTS * LOST_REPLY_SHARE * 0.5);
    await client.close();
    for (const wire of wires) await wire[Symbol.asyncDispose]();
  }, 120_000);
});

/** mulberry32: the same sequence of losses in every run. */
function seededChance(seed: number, share: number): () => boolean {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < share;
  };
}
