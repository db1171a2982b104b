import { logIndex, readId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { RELOAD_BACKOFF_MIN_MS } from './limits.js';
import { metaAt } from './test-support/fake-checkpoints.js';
import { rowsOf, textCommand } from './test-support/recording-state-machine.js';
import { AT, type OfferEnds, entry, installEffect, offered, savingReplica } from './test-support/snapshot-offer.js';
import { commandEntry, N1, N2, noop, persistEffect, voteEffect, watch } from './test-support/scripted-replica.js';

describe('installing a snapshot of the leader', () => {
  it('takes its place among the writes: after those before it, before those after it', async () => {
    const node = await savingReplica();
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
    const node = await savingReplica();
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
    const node = await savingReplica();
    const log = Array.from({ length: AT + 2 }, (_, position) => entry(position + 1));
    await node.effects(persistEffect(1, ...log));
    await offered(node, metaAt(AT), [installEffect(2, metaAt(AT), true)]);
    expect(node.disk.entries.map(({ index }) => index)).toEqual([AT + 1, AT + 2]);
    await node.effects({ type: 'apply', entries: log.slice(AT) });
    expect(node.machine.texts).toEqual(['c', 'g', 'j', 't11', 't12']);
  });

  it('does not happen when the core has no need of it: the staged rows are discarded', async () => {
    const node = await savingReplica();
    const ends = await offered(node, metaAt(AT), []);
    expect(ends).toEqual(['notNeeded']);
    expect(node.core.inputsOf('snapshotReceived')).toEqual([
      { type: 'snapshotReceived', from: N2, term: 1, snapshot: metaAt(AT) },
    ]);
    expect([node.disk.checkpoint, node.failure]).toEqual([null, null]);
  });

  it('lets go what waited for it, and makes checkpoints of what comes after it', async () => {
    const node = await savingReplica();
    await offered(node, metaAt(AT), [installEffect(1), voteEffect(1)]);
    expect(node.sentOf('raft')).toHaveLength(1);
    const after = [11, 12, 13, 14].map((index) => entry(index));
    await node.effects(persistEffect(2, ...after), { type: 'apply', entries: after });
    expect(node.checkpointStore.savedCheckpoints.map(({ index }) => index)).toEqual([14]);
    const again = await savingReplica(node.disk);
    expect(again.machine.texts).toEqual(node.machine.texts);
  });

  it('waits for a checkpoint under way, and drops one that waits to be saved again', async () => {
    const node = await savingReplica();
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
    const node = await savingReplica();
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
    const node = await savingReplica();
    await offered(node, metaAt(AT, 2), [installEffect(1, metaAt(AT, 2))]);
    await node.roleChanged('leader', 3, N1);
    expect(node.readyTerms).toEqual([]);
    await node.effects({ type: 'apply', entries: [noop(11, 3)] });
    expect(node.readyTerms).toEqual([3]);
  });
});

describe('own proposals when the leader sends its state instead of the entries', () => {
  it('have an unknown outcome if they were on their way; those made afterwards have their own', async () => {
    const node = await savingReplica();
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
    const node = await savingReplica();
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
      const node = await savingReplica();
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
    const node = await savingReplica();
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
    const again = await savingReplica(node.disk);
    expect(again.machine.texts).toEqual(node.machine.texts);
  });

  it('goes with the run whose write before it failed', async () => {
    const node = await savingReplica();
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
    const node = await savingReplica();
    node.checkpointStore.failNext('installSnapshot', { code: 'fenced', isWritten: false });
    const ends = await offered(node, metaAt(AT), [installEffect(1)]);
    expect(node.failure).toMatchObject({ code: 'fenced' });
    expect(ends).toEqual(['lost']);
  });

  it('to be read back has the store loaded again, and the machine restored before the next core', async () => {
    const node = await savingReplica();
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
    const node = await savingReplica();
    await node.effects(persistEffect(1, entry(1)), { type: 'apply', entries: [entry(1)] });
    await offered(node, metaAt(AT), [installEffect(2)], [{ key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
    expect(node.failure).toMatchObject({ code: 'corrupt' });
    expect(node.machine.texts).toEqual(['t1']);
  });
});

describe('a store that fails while the machine is being restored', () => {
  it('is loaded after that, and nothing is restored twice', async () => {
    const node = await savingReplica();
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
    const node = await savingReplica();
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
    node.store.failNextLoad('unavailable');
    await node.effects(persistEffect(1, noop(1)));
    expect(await offered(node, metaAt(AT), [])).toEqual(['lost']);
    await node.clock.advance(RELOAD_BACKOFF_MIN_MS);
    const staging = await node.checkpointStore.stageSnapshot(metaAt(AT));
    await node.replica.stop();
    const ends: OfferEnds = [];
    node.offerSnapshot({ from: N2, term: term(1), staging, onEnded: (end) => ends.push(end) });
    expect(ends).toEqual(['lost']);
  });
});
