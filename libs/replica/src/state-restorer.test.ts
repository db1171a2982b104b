import { describe, expect, it } from 'vitest';
import { RESTORE_PAGE_BYTES } from './limits.js';
import type { StateRow } from './ports/checkpoint-store.js';
import { LogStoreError } from './ports/log-store.js';
import { metaAt } from './test-support/fake-checkpoints.js';
import { PREPARING_STEPS, rowsOf } from './test-support/recording-state-machine.js';
import { AT, diskWith, entry, EVERY, FROM_THE_LEADER, savingReplica } from './test-support/snapshot-offer.js';
import { ScriptedReplica, watch } from './test-support/scripted-replica.js';

describe('a start on a checkpoint', () => {
  it('brings the state machine there, then applies what follows', async () => {
    const node = await savingReplica(await diskWith(metaAt(AT, 2), rowsOf(FROM_THE_LEADER, 2), [entry(11, 'k', 2)]));
    expect(node.loaded[0]).toMatchObject({ base: { index: AT, term: 2 }, checkpoint: { index: AT, term: 2 } });
    expect(node.machine.texts).toEqual(['c', 'g', 'j']);
    expect(node.replica.status()).toMatchObject({ appliedIndex: AT, checkpointIndex: AT });
    await node.effects({ type: 'apply', entries: [entry(11, 'k', 2)] });
    expect(node.machine.texts).toEqual(['c', 'g', 'j', 'k']);
    expect(node.core.inputsOf('applied').at(-1)).toEqual({ type: 'applied', index: 11 });
    expect(node.installedIndexes).toEqual([]);
  });

  it('makes the next checkpoint of what came after it only', async () => {
    const after = [11, 12, 13, 14].map((index) => entry(index));
    const node = await savingReplica(await diskWith(metaAt(AT), rowsOf(FROM_THE_LEADER), after));
    await node.effects({ type: 'apply', entries: after });
    expect(node.checkpointStore.savedCheckpoints).toEqual([metaAt(14)]);
    const again = await savingReplica(node.disk);
    expect(again.machine.texts).toEqual(['c', 'g', 'j', 't11', 't12', 't13', 't14']);
  });

  it('takes the rows page by page and prepares step by step, and lets others have their turns in between', async () => {
    const pages = 5;
    const large = 'x'.repeat(RESTORE_PAGE_BYTES);
    const rows = rowsOf(Object.fromEntries(Array.from({ length: pages }, (_, row) => [row + 1, large])));
    const node = new ScriptedReplica({ disk: await diskWith(metaAt(AT), rows, []), checkpointEveryEntries: EVERY });
    let turns = 0;
    const countTurns = (): void => {
      turns += 1;
      if (node.replica.status().appliedIndex === 0) node.clock.defer(countTurns);
    };
    node.clock.defer(countTurns);
    await node.start();
    expect(node.machine.commands).toHaveLength(pages);
    expect(turns).toBeGreaterThanOrEqual(pages + PREPARING_STEPS - 1);
  });

  it.each<[string, StateRow[]]>([
    ['rows that are none', [{ key: Uint8Array.of(1), value: Uint8Array.of(2) }]],
    ['a damaged row behind good ones', [...rowsOf({ 1: 'a' }), { key: Uint8Array.of(9), value: Uint8Array.of(2) }]],
  ])('fails on %s, and leaves no half of a state', async (_what, rows) => {
    const node = new ScriptedReplica({ disk: await diskWith(metaAt(AT), rows, []), checkpointEveryEntries: EVERY });
    await expect(node.start()).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(`the checkpoint at ${AT} cannot be restored`) as unknown,
    });
    expect(node.machine.commands).toEqual([]);
    expect(node.cores).toEqual([]);
  });

  it('fails on a page that cannot be read, and leaves no half of a state', async () => {
    const large = 'x'.repeat(RESTORE_PAGE_BYTES);
    const disk = await diskWith(metaAt(AT), rowsOf({ 1: large, 2: large, 3: large }), []);
    const node = new ScriptedReplica({ disk, checkpointEveryEntries: EVERY });
    const openView = node.checkpointStore.openView.bind(node.checkpointStore);
    let isClosed = false;
    node.checkpointStore.openView = async () => {
      const view = await openView();
      if (view === null) return null;
      let pages = 0;
      return {
        meta: view.meta,
        nextPage: async (maxBytes) => {
          pages += 1;
          if (pages === 2) throw new LogStoreError('unavailable', 'the connection closed');
          return view.nextPage(maxBytes);
        },
        close: () => {
          isClosed = true;
          return view.close();
        },
      };
    };
    const start = watch(node.replica.start());
    await node.clock.settle();
    expect([start.state, isClosed, node.machine.commands, node.cores]).toEqual(['unavailable undefined', true, [], []]);
  });

  it('fails when the node was not given a checkpoint store', async () => {
    const node = new ScriptedReplica({ disk: await diskWith(metaAt(AT), [], []) });
    await expect(node.start()).rejects.toThrow('ReplicaOptions.checkpoints');
  });

  it('can be given up half way', async () => {
    const node = new ScriptedReplica({
      disk: await diskWith(metaAt(AT), rowsOf(FROM_THE_LEADER), []),
      checkpointEveryEntries: EVERY,
    });
    const start = watch(node.replica.start());
    await Promise.all([node.replica.stop(), node.clock.settle()]);
    expect(start.state).toBe('SHUTTING_DOWN safe');
    expect(node.machine.texts).toEqual([]);
  });
});
