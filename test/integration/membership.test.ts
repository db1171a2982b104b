import { connect } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliEnd } from '../support/cli.js';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';
import { WriteLoad } from '../support/write-load.js';

const SNAPSHOT_ENTRIES = 50;
const WRITES = 200;
/** The nodes, the clients and each command share the machine. */
const PAUSE_MS = 5;
const NEW_NODE = 'n4';
const REMOVED_EXIT_CODE = 5;
const UNAVAILABLE_EXIT_CODE = 3;
const NOT_FOUND_EXIT_CODE = 4;

describe('members that come and go while the cluster is written to', () => {
  let cluster: TestCluster;
  let load: WriteLoad;
  beforeAll(async () => {
    cluster = await TestCluster.start({ settings: { LATCHKEY_SNAPSHOT_ENTRIES: String(SNAPSHOT_ENTRIES) } });
    load = await WriteLoad.start(cluster.endpoints, { pauseMs: PAUSE_MS });
    await waitFor('a log that is compacted', () => (load.count >= WRITES ? true : null));
  });
  afterAll(async () => {
    await load.stop();
    await cluster[Symbol.asyncDispose]();
  });

  /** By way of a node that does not lead, which passes it on. */
  const latchkey = async (...args: string[]): Promise<CliEnd> => {
    const statuses = await Promise.all(cluster.runningIds.map((id) => cluster.status(id)));
    const follower = statuses.find(({ role }) => role === 'follower')?.nodeId;
    return runCli([cluster.url(follower ?? '')], args);
  };
  const roles = async (): Promise<readonly string[]> => {
    const { stdout } = await latchkey('member', 'list', '--json');
    const { members } = JSON.parse(stdout) as { members: readonly { id: string; role: string }[] };
    return members.map(({ id, role }) => `${id} ${role}`);
  };
  const isReady = async (id: string): Promise<boolean> => (await fetch(`${cluster.url(id)}/readyz`)).ok;

  it('a member whose address is wrong endangers nothing: it has no vote and is given none', async () => {
    expect(await latchkey('member', 'add', 'n9', 'http://127.0.0.1:1')).toMatchObject({ code: 0 });
    const before = load.count;
    const refused = await latchkey('member', 'promote', 'n9');
    expect(refused).toMatchObject({ code: UNAVAILABLE_EXIT_CODE, stderr: expect.stringContaining('too far behind') });
    expect(load.count).toBeGreaterThan(before + WRITES);
    expect(await latchkey('member', 'remove', 'n9')).toMatchObject({ code: 0 });
    expect(await latchkey('member', 'remove', 'n9')).toMatchObject({ code: NOT_FOUND_EXIT_CODE });
    expect(await roles()).toEqual(['n1 voter', 'n2 voter', 'n3 voter']);
  });

  it('a new node waits to be added, is sent the state, and gets its vote', async () => {
    await cluster.addNode(NEW_NODE);
    cluster.startNode(NEW_NODE);
    const { message } = await waitFor('the new node to answer', async () => {
      const response = await fetch(`${cluster.url(NEW_NODE)}/readyz`);
      return (await response.json()) as { message: string };
    });
    expect(message).toBe('this node waits to be added to the cluster');

    expect(await latchkey('member', 'add', NEW_NODE, cluster.peerUrl(NEW_NODE))).toMatchObject({ code: 0 });
    await waitFor('the new node to be ready', async () => ((await isReady(NEW_NODE)) ? true : null));
    expect(await cluster.status(NEW_NODE)).toMatchObject({ role: 'learner' });
    expect((await cluster.status(NEW_NODE)).firstLogIndex).toBeGreaterThan(1);
    expect(await latchkey('member', 'promote', NEW_NODE)).toMatchObject({ code: 0 });
    expect(await roles()).toEqual(['n1 voter', 'n2 voter', 'n3 voter', `${NEW_NODE} voter`]);
  });

  it('leadership goes to the new node when asked, and to nobody without a vote', async () => {
    expect(await latchkey('transfer-leader', '--to', NEW_NODE)).toEqual({
      code: 0,
      stdout: `${NEW_NODE} leads\n`,
      stderr: '',
    });
    expect(await cluster.leader()).toBe(NEW_NODE);
    expect((await latchkey('transfer-leader', '--to', 'n9')).code).toBe(2);
  });

  it('a leader that is removed hands over, ends by itself with its own exit code, and nobody misses it', async () => {
    expect((await latchkey('transfer-leader', '--to', 'n1')).code).toBe(0);
    const { term } = await cluster.status('n1');
    expect((await latchkey('member', 'remove', 'n1')).code).toBe(0);
    expect(await cluster.ended('n1')).toBe(REMOVED_EXIT_CODE);
    expect(cluster.output('n1')).toMatch(/^latchkey: removed from the cluster; [^\n]*LATCHKEY_JOIN=true$/m);

    const leader = await cluster.leader();
    expect((await cluster.status(leader)).term).toBe(term + 1);
    expect(await roles()).toEqual(['n2 voter', 'n3 voter', `${NEW_NODE} voter`]);
    const before = load.count;
    await waitFor('more writes', () => (load.count >= before + WRITES ? true : null));
  });

  it('and no write was lost or failed over all this, and every member holds the same', async () => {
    await load.stop();
    expect(load.failures).toEqual([]);
    const client = await connect({ endpoints: [cluster.url(NEW_NODE)] });
    const { entries } = await client.kv.range({ prefix: 'load/' }, { limit: 0 });
    await client.close();
    const stored = new Map(entries.map((entry) => [entry.key, entry.text()]));
    for (const [key, value] of load.acknowledged) if (stored.get(key) !== value) throw new Error(`${key} is lost`);
    const statuses = await cluster.settled();
    expect(statuses).toHaveLength(3);
    expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1);
    console.info(`longest time without an acknowledged write: ${Math.round(load.longestGapMs)} ms`);
  });
});
