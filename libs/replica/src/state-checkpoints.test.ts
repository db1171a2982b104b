import { logIndex, persistId, readId, term, type Effect, type LogEntry, type SnapshotMeta } from '@latchkey/raft';
import { MemoryCheckpointStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { describe, expect, it } from 'vitest';
import { ByteSlab } from './byte-slab.js';
import type { SnapshotOffer } from './driver-calls.js';
import { RELOAD_BACKOFF_MIN_MS, RESTORE_PAGE_BYTES } from './limits.js';
import type { StateRow } from './ports/checkpoint-store.js';
import { LogStoreError } from './ports/log-store.js';
import { sealProposal } from './proposal-envelope.js';
import { metaAt } from './test-support/fake-checkpoints.js';
import { PREPARING_STEPS, rowsOf, textCommand } from './test-support/recording-state-machine.js';
import {
  commandEntry,
  N1,
  N2,
  noop,
  persistEffect,
  ScriptedReplica,
  voteEffect,
  watch,
} from './test-support/scripted-replica.js';

const EVERY = 4;
const OTHER_INCARNATION = 1;
/** Where the leader's snapshot stands in these stories. */
const AT = 10;
const FROM_THE_LEADER = { 3: 'c', 7: 'g', 10: 'j' };

const entry = (index: number, text = `t${index}`, inTerm = 1): LogEntry =>
  commandEntry(
    index,
    sealProposal({ incarnation: OTHER_INCARNATION, sequence: index }, textCommand(text), new ByteSlab()),
    inTerm,
  );

async function started(disk = new MemoryDisk()): Promise<ScriptedReplica> {
  const node = new ScriptedReplica({ disk, checkpointEveryEntries: EVERY });
  await node.start();
  return node;
}

/** What an earlier process has left: a checkpoint, and the log after it. */
async function diskWith(
  meta: SnapshotMeta,
  rows: readonly StateRow[],
  after: readonly LogEntry[],
): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await new MemoryLogStore(disk).load();
  const store = new MemoryCheckpointStore(disk);
  const staging = await store.stageSnapshot(meta);
  await staging.append(rows);
  await store.installSnapshot({ staging, hardState: null, keepsTail: false });
  disk.entries.push(...after);
  return disk;
}

type Ends = Parameters<SnapshotOffer['onEnded']>[0][];

/** A snapshot of the leader has come in whole, and the core says what to do with it. */
async function offered(
  node: ScriptedReplica,
  meta: SnapshotMeta,
  effects: readonly Effect[],
  rows: readonly StateRow[] = rowsOf(FROM_THE_LEADER),
): Promise<Ends> {
  const staging = await node.checkpointStore.stageSnapshot(meta);
  await staging.append(rows);
  const ends: Ends = [];
  node.core.onNext('snapshotReceived', effects);
  node.offerSnapshot({ from: N2, term: term(1), staging, onEnded: (end) => ends.push(end) });
  await node.clock.settle();
  return ends;
}

const installEffect = (id: number, snapshot = metaAt(AT), keepsTail = false): Effect => ({
  type: 'installSnapshot',
  persistId: persistId(id),
  hardState: null,
  snapshot,
  keepsTail,
});

describe('a start on a checkpoint', () => {
  it('brings the state machine there, then applies what follows', async () => {
    const node = await started(await diskWith(metaAt(AT, 2), rowsOf(FROM_THE_LEADER, 2), [entry(11, 'k', 2)]));
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
    const node = await started(await diskWith(metaAt(AT), rowsOf(FROM_THE_LEADER), after));
    await node.effects({ type: 'apply', entries: after });
    expect(node.checkpointStore.savedCheckpoints).toEqual([metaAt(14)]);
    const again = await started(node.disk);
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

describe('installing a snapshot of the leader', () => {
  it('takes its place among the writes: after those before it, before those after it', async () => {
    const node = await started();
    node.store.stall();
    await node.effects(persistEffect(1, noop(1), noop(2)));
    await node.effects(persistEffect(2, noop(3)));
    const ends = await offered(node, metaAt(AT), [installEffect(3), voteEffect(3, 3)]);
    await node.effects(persistEffect(4, noop(11)), voteEffect(4, 4));
    await node.effects(persistEffect(5, noop(12)));
    expect([node.disk.checkpoint, node.transport.sent, ends]).toEqual([null, [], []]);
    node.store.release();
    await node.clock.settle();
    expect(node.store.writtenBatches.map(({ entries }) => entries.map(({ index }) => index))).toEqual([
      [1, 2],
      [3],
      [11, 12],
    ]);
    expect(node.core.inputsOf('persisted').map(({ persistId: id }) => id)).toEqual([1, 2, 3, 5]);
    expect(node.sentOf('raft').map(({ message }) => message.term)).toEqual([3, 4]);
    expect(node.disk.base).toEqual({ index: AT, term: 1 });
    expect(ends).toEqual(['installed']);
  });

  it('applies what was committed before it, then jumps, then goes on behind it', async () => {
    const node = await started();
    const served = watch(node.replica.waitForApplied(logIndex(AT), 100));
    const read = watch(node.replica.readBarrier());
    await node.clock.settle();
    const id = node.core.inputsOf('read').at(-1)?.readId ?? readId(0);
    node.store.stall();
    await node.effects(persistEffect(1, entry(1), entry(2)), { type: 'apply', entries: [entry(1), entry(2)] });
    await offered(node, metaAt(AT), [installEffect(2)]);
    await node.effects(
      { type: 'apply', entries: [entry(11, 'k')] },
      { type: 'completeRead', readId: id, readIndex: logIndex(AT) },
    );
    expect([node.machine.texts, served.state, read.state]).toEqual([['t1', 't2'], 'pending', 'pending']);
    expect(node.replica.status().appliedIndex).toBe(2);
    node.store.release();
    await node.clock.settle();
    expect(node.machine.texts).toEqual(['c', 'g', 'j', 'k']);
    expect([served.state, read.state]).toEqual(['resolved undefined', `resolved ${AT}`]);
    expect(node.installedIndexes).toEqual([AT]);
    expect(node.appliedIndexes).toEqual([2, AT, 11]);
    expect(node.core.inputsOf('applied').map(({ index }) => index)).toEqual([2, AT, 11]);
    expect(node.replica.status()).toMatchObject({ appliedIndex: 11, checkpointIndex: AT });
  });

  it('keeps the tail of the log if the core says so', async () => {
    const node = await started();
    const log = Array.from({ length: AT + 2 }, (_, position) => entry(position + 1));
    await node.effects(persistEffect(1, ...log));
    await offered(node, metaAt(AT), [installEffect(2, metaAt(AT), true)]);
    expect(node.disk.entries.map(({ index }) => index)).toEqual([AT + 1, AT + 2]);
    await node.effects({ type: 'apply', entries: log.slice(AT) });
    expect(node.machine.texts).toEqual(['c', 'g', 'j', 't11', 't12']);
  });

  it('does not happen when the core has no need of it: the staged rows are discarded', async () => {
    const node = await started();
    const ends = await offered(node, metaAt(AT), []);
    expect(ends).toEqual(['notNeeded']);
    expect(node.core.inputsOf('snapshotReceived')).toEqual([
      { type: 'snapshotReceived', from: N2, term: 1, snapshot: metaAt(AT) },
    ]);
    expect([node.disk.checkpoint, node.failure]).toEqual([null, null]);
  });

  it('lets go what waited for it, and makes checkpoints of what comes after it', async () => {
    const node = await started();
    await offered(node, metaAt(AT), [installEffect(1), voteEffect(1)]);
    expect(node.sentOf('raft')).toHaveLength(1);
    const after = [11, 12, 13, 14].map((index) => entry(index));
    await node.effects(persistEffect(2, ...after), { type: 'apply', entries: after });
    expect(node.checkpointStore.savedCheckpoints.map(({ index }) => index)).toEqual([14]);
    const again = await started(node.disk);
    expect(again.machine.texts).toEqual(node.machine.texts);
  });

  it('waits for a checkpoint under way, and drops one that waits to be saved again', async () => {
    const node = await started();
    node.checkpointStore.stallSaves();
    node.checkpointStore.failNext('save', { code: 'unavailable', isWritten: false });
    const before = [1, 2, 3, 4].map((index) => entry(index));
    await node.effects(persistEffect(1, ...before), { type: 'apply', entries: before });
    const ends = await offered(node, metaAt(AT), [installEffect(2)]);
    expect([node.disk.checkpoint, ends]).toEqual([null, []]);
    node.checkpointStore.release();
    await node.clock.advance(10_000);
    expect(node.disk.checkpoint?.meta).toEqual(metaAt(AT));
    expect(node.machine.texts).toEqual(['c', 'g', 'j']);
    expect(node.checkpointStore.savedCheckpoints).toEqual([]);
  });

  it('twice in a row ends with the later one', async () => {
    const node = await started();
    const view = node.checkpointStore.openView.bind(node.checkpointStore);
    let isSecondOffered = false;
    node.checkpointStore.openView = async () => {
      const opened = await view();
      if (!isSecondOffered) {
        isSecondOffered = true;
        // It comes while the rows of the first are being read.
        void offered(node, metaAt(20), [installEffect(2, metaAt(20))], rowsOf({ 20: 'later' }));
      }
      return opened;
    };
    await offered(node, metaAt(AT), [installEffect(1)]);
    await node.clock.settle();
    expect(node.machine.texts).toEqual(['later']);
    expect(node.replica.status()).toMatchObject({ appliedIndex: 20, checkpointIndex: 20 });
    expect(node.failure).toBeNull();
  });

  it('does not make a leader ready by the term of the snapshot', async () => {
    const node = await started();
    await offered(node, metaAt(AT, 2), [installEffect(1, metaAt(AT, 2))]);
    await node.roleChanged('leader', 3, N1);
    expect(node.readyTerms).toEqual([]);
    await node.effects({ type: 'apply', entries: [noop(11, 3)] });
    expect(node.readyTerms).toEqual([3]);
  });
});

describe('own proposals when the leader sends its state instead of the entries', () => {
  it('have an unknown outcome if they were on their way; those made afterwards have their own', async () => {
    const node = await started();
    await node.roleChanged('follower', 1, N2);
    const inside = watch(node.replica.propose(textCommand('inside')));
    await node.clock.settle();
    node.store.stall();
    await node.effects(persistEffect(1, entry(1)));
    await offered(node, metaAt(AT), [installEffect(2)]);
    const after = watch(node.replica.propose(textCommand('after')));
    await node.clock.settle();
    node.store.release();
    await node.clock.settle();
    expect([inside.state, after.state]).toEqual(['OUTCOME_UNKNOWN onlyIfIdempotent', 'pending']);
    const envelope = node.sentOf('forwardProposals').at(-1)?.proposals[0] ?? new Uint8Array(0);
    await node.effects({ type: 'apply', entries: [commandEntry(11, envelope)] });
    expect(after.state).toBe('resolved {"index":11,"text":"after"}');
  });

  it('have their own if they were committed before it', async () => {
    const node = await started();
    await node.roleChanged('follower', 1, N2);
    const committed = watch(node.replica.propose(textCommand('committed')));
    await node.clock.settle();
    const envelope = node.sentOf('forwardProposals')[0]?.proposals[0] ?? new Uint8Array(0);
    // Both come in one turn, so that nothing is applied between them.
    node.core.onNext('message', [
      persistEffect(1, commandEntry(1, envelope)),
      { type: 'apply', entries: [commandEntry(1, envelope)] },
    ]);
    node.transport.handlers?.onMessage(N2, {
      type: 'raft',
      message: { type: 'voteResponse', term: term(1), voteGranted: true },
    });
    await offered(node, metaAt(AT), [installEffect(2)]);
    expect(committed.state).toBe('resolved {"index":1,"text":"committed"}');
    expect(node.machine.texts).toEqual(['c', 'g', 'j']);
  });
});

describe('an installation that fails', () => {
  it.each([true, false])(
    'with an unknown outcome (written: %s) is looked up before the node says anything',
    async (isWritten) => {
      const node = await started();
      const before = [entry(1), entry(2)];
      await node.effects(persistEffect(1, ...before), { type: 'apply', entries: before });
      node.checkpointStore.failNext('installSnapshot', { code: 'outcomeUnknown', isWritten });
      const ends = await offered(node, metaAt(AT), [installEffect(2), voteEffect(2)]);
      expect([ends, node.transport.sent]).toEqual([['lost'], []]);
      expect(node.loaded.map(({ checkpoint }) => checkpoint?.index ?? null)).toEqual([null, isWritten ? AT : null]);
      expect(node.replica.status()).toMatchObject({ phase: 'running', appliedIndex: isWritten ? AT : 2 });
      expect(node.installedIndexes).toEqual(isWritten ? [AT] : []);
      expect(node.core.inputsOf('applied').map(({ index }) => index)).toEqual(isWritten ? [AT] : []);
      const rest = isWritten ? [entry(11, 'k')] : [...before, entry(3)];
      await node.effects({ type: 'apply', entries: rest });
      expect(node.machine.texts).toEqual(isWritten ? ['c', 'g', 'j', 'k'] : ['t1', 't2', 't3']);
      expect(node.failure).toBeNull();
    },
  );

  it('loses nothing of a checkpoint that was to be saved', async () => {
    const node = await started();
    node.checkpointStore.failNext('save', { code: 'unavailable', isWritten: false });
    const before = [1, 2, 3, 4].map((index) => entry(index));
    await node.effects(persistEffect(1, ...before), { type: 'apply', entries: before });
    node.checkpointStore.failNext('installSnapshot', { code: 'unavailable', isWritten: false });
    await offered(node, metaAt(AT), [installEffect(2)]);
    expect(node.cores).toHaveLength(2);
    const after = [5, 6, 7, 8].map((index) => entry(index));
    await node.effects(persistEffect(1, ...after), { type: 'apply', entries: [...before, ...after] });
    await node.clock.settle();
    expect(node.checkpointStore.savedCheckpoints.map(({ index }) => index)).toEqual([4, 8]);
    const again = await started(node.disk);
    expect(again.machine.texts).toEqual(node.machine.texts);
  });

  it('goes with the run whose write before it failed', async () => {
    const node = await started();
    node.store.stall();
    await node.effects(persistEffect(1, noop(1)));
    const ends = await offered(node, metaAt(AT), [installEffect(2)]);
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
    node.store.release();
    await node.clock.settle();
    expect([ends, node.cores.length, node.disk.checkpoint]).toEqual([['lost'], 2, null]);
    await node.effects({ type: 'apply', entries: [noop(1)] });
    expect(node.replica.status().appliedIndex).toBe(1);
    expect(node.failure).toBeNull();
  });

  it('because the store is fenced stops the node', async () => {
    const node = await started();
    node.checkpointStore.failNext('installSnapshot', { code: 'fenced', isWritten: false });
    const ends = await offered(node, metaAt(AT), [installEffect(1)]);
    expect(node.failure).toMatchObject({ code: 'fenced' });
    expect(ends).toEqual(['lost']);
  });

  it('to be read back has the store loaded again, and the machine restored before the next core', async () => {
    const node = await started();
    await node.effects(persistEffect(1, entry(1)), { type: 'apply', entries: [entry(1)] });
    for (let failure = 0; failure < 2; failure += 1) {
      node.checkpointStore.failNext('openView', { code: 'unavailable', isWritten: false });
    }
    const ends = await offered(node, metaAt(AT), [installEffect(2)]);
    expect(ends).toEqual(['installed']);
    expect([node.replica.status().phase, node.machine.texts]).toEqual(['recovering', ['t1']]);
    await node.clock.advance(RELOAD_BACKOFF_MIN_MS);
    expect(node.replica.status()).toMatchObject({ phase: 'running', appliedIndex: AT });
    expect(node.machine.texts).toEqual(['c', 'g', 'j']);
    expect(node.cores).toHaveLength(2);
  });

  it('on rows that are damaged stops the node, which has kept its state', async () => {
    const node = await started();
    await node.effects(persistEffect(1, entry(1)), { type: 'apply', entries: [entry(1)] });
    await offered(node, metaAt(AT), [installEffect(2)], [{ key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
    expect(node.failure).toMatchObject({ code: 'corrupt' });
    expect(node.machine.texts).toEqual(['t1']);
  });
});

describe('a store that fails while the machine is being restored', () => {
  it('is loaded after that, and nothing is restored twice', async () => {
    const node = await started();
    const views: number[] = [];
    const openView = node.checkpointStore.openView.bind(node.checkpointStore);
    node.checkpointStore.openView = async () => {
      views.push(node.cores.length);
      if (views.length === 1) {
        node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
        void node.effects(persistEffect(2, noop(11)));
        await node.clock.settle();
      }
      return openView();
    };
    await offered(node, metaAt(AT), [installEffect(1)]);
    await node.clock.settle();
    expect(node.replica.status()).toMatchObject({ phase: 'running', appliedIndex: AT });
    expect([views, node.cores.length]).toEqual([[1], 2]);
    await node.effects({ type: 'apply', entries: [noop(11)] });
    expect(node.machine.texts).toEqual(['c', 'g', 'j']);
    expect(node.failure).toBeNull();
  });
});

describe('a snapshot that comes while the node', () => {
  it('loads its store again, or has stopped, is lost', async () => {
    const node = await started();
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
    node.store.failNextLoad('unavailable');
    await node.effects(persistEffect(1, noop(1)));
    expect(await offered(node, metaAt(AT), [])).toEqual(['lost']);
    await node.clock.advance(RELOAD_BACKOFF_MIN_MS);
    const staging = await node.checkpointStore.stageSnapshot(metaAt(AT));
    await node.replica.stop();
    const ends: Ends = [];
    node.offerSnapshot({ from: N2, term: term(1), staging, onEnded: (end) => ends.push(end) });
    expect(ends).toEqual(['lost']);
  });
});
