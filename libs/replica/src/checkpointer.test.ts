import { logIndex, nodeId, persistId, term, type LogEntry } from '@latchkey/raft';
import type { MemoryDisk } from '@latchkey/storage-memory';
import { describe, expect, it } from 'vitest';
import { ByteSlab } from './byte-slab.js';
import { CHECKPOINT_RETRY_MIN_MS, MAX_APPLIES_PER_TURN } from './limits.js';
import type { LogStoreErrorCode } from './ports/log-store.js';
import { sealProposal } from './proposal-envelope.js';
import { textCommand } from './test-support/recording-state-machine.js';
import { commandEntry, noop, persistEffect, ScriptedReplica } from './test-support/scripted-replica.js';

const EVERY = 4;
const OTHER_INCARNATION = 1;

type StartOptions = { readonly everyBytes?: number; readonly disk?: MemoryDisk; readonly joins?: boolean };

async function started({ everyBytes, disk, joins = false }: StartOptions = {}) {
  const node = new ScriptedReplica({
    ...(everyBytes === undefined ? { checkpointEveryEntries: EVERY } : { checkpointEveryBytes: everyBytes }),
    ...(disk === undefined ? {} : { disk }),
    ...(joins ? { initialMembership: { voters: [], votersOutgoing: [], learners: [] } } : {}),
  });
  await node.start();
  return node;
}

const entry = (index: number, inTerm = 1, text = `t${index}`): LogEntry =>
  commandEntry(
    index,
    sealProposal({ incarnation: OTHER_INCARNATION, sequence: index }, textCommand(text), new ByteSlab()),
    inTerm,
  );

function entries(from: number, to: number): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => entry(from + offset));
}

/** The core appends and commits entries at once; the id of the write is that of its last entry. */
async function applied(node: ScriptedReplica, from: number, to: number): Promise<void> {
  const committed = entries(from, to);
  await node.effects(persistEffect(to, ...committed), { type: 'apply', entries: committed });
}

/** The texts that a node would restore from this disk. */
function textsOn(disk: MemoryDisk): unknown[] {
  const rows = [...(disk.checkpoint?.rows ?? [])].sort(([one], [two]) => (one < two ? -1 : 1));
  return rows.map(([, { value }]) => (JSON.parse(new TextDecoder().decode(value)) as { text: unknown }).text);
}

describe('a checkpoint', () => {
  it('is taken when enough entries were applied, saved, and told to the core and everybody else', async () => {
    const node = await started();
    await applied(node, 1, EVERY - 1);
    expect(node.checkpointStore.savedCheckpoints).toEqual([]);
    await applied(node, EVERY, EVERY);
    expect(textsOn(node.disk)).toEqual(['t1', 't2', 't3', 't4']);
    expect(node.core.inputsOf('checkpointed')).toEqual([{ type: 'checkpointed', index: EVERY }]);
    expect(node.replica.status().checkpointIndex).toBe(EVERY);
    expect(node.checkpointedIndexes).toEqual([EVERY]);
  });

  it('is taken when enough bytes were applied, too', async () => {
    const node = await started({ everyBytes: 1_000 });
    await applied(node, 1, EVERY);
    expect(node.checkpointedIndexes).toEqual([]);
    const large = entry(EVERY + 1, 1, 'x'.repeat(1_000));
    await node.effects(persistEffect(EVERY + 1, large), { type: 'apply', entries: [large] });
    expect(node.checkpointedIndexes).toEqual([EVERY + 1]);
  });

  it('names the term and the membership of the last entry in it', async () => {
    const node = await started();
    const membership = { voters: [nodeId('n1')], votersOutgoing: [], learners: [nodeId('n2')] };
    const log: LogEntry[] = [
      noop(1),
      { type: 'membership', index: logIndex(2), term: term(2), membership },
      noop(3, 2),
      noop(4, 3),
    ];
    await node.effects(persistEffect(1, ...log), { type: 'apply', entries: log });
    expect(node.checkpointStore.savedCheckpoints).toEqual([{ index: 4, term: 3, membership }]);
  });

  it('is not taken before a node that joins knows of any member: it would say that there are none', async () => {
    const node = await started({ joins: true });
    await applied(node, 1, 2 * EVERY);
    expect(node.machine.takenCount).toBe(0);
    const membership = { voters: [nodeId('n2')], votersOutgoing: [], learners: [nodeId('n1')] };
    const entry: LogEntry = { type: 'membership', index: logIndex(2 * EVERY + 1), term: term(1), membership };
    await node.effects(persistEffect(2 * EVERY + 1, entry), { type: 'apply', entries: [entry] });
    expect(node.checkpointStore.savedCheckpoints).toEqual([{ index: entry.index, term: 1, membership }]);
  });

  it('is saved only once the log is durable that far, with what it replaces in the log', async () => {
    const node = await started();
    await node.effects(persistEffect(1, noop(1), noop(2), noop(3), noop(4), noop(5)));
    node.store.stall();
    const committed = [entry(2, 2), entry(3, 2), entry(4, 2)];
    await node.effects(
      { type: 'persist', persistId: persistId(2), hardState: null, truncateFrom: logIndex(2), entries: committed },
      { type: 'apply', entries: [noop(1), ...committed] },
    );
    expect(node.machine.takenCount).toBe(1);
    expect(node.disk.checkpoint).toBeNull();
    node.store.release();
    await node.clock.settle();
    expect(node.disk.checkpoint?.meta).toMatchObject({ index: 4, term: 2 });
  });

  it('holds what was applied when it was taken, and the next one what came since', async () => {
    const node = await started();
    node.checkpointStore.stallSaves();
    await applied(node, 1, EVERY);
    await applied(node, EVERY + 1, 3 * EVERY);
    expect([node.machine.takenCount, node.machine.savedIndexes]).toEqual([1, []]);
    node.checkpointStore.release();
    await node.clock.settle();
    expect(node.checkpointStore.savedCheckpoints.map(({ index }) => index)).toEqual([EVERY, 3 * EVERY]);
    expect(node.machine.savedIndexes).toEqual([EVERY, 3 * EVERY]);
    expect(textsOn(node.disk)).toEqual(node.machine.texts);
  });

  it('is taken between the slices of a long replay', async () => {
    const node = await started();
    await applied(node, 1, 3 * MAX_APPLIES_PER_TURN);
    expect(node.checkpointedIndexes.at(-1)).toBe(3 * MAX_APPLIES_PER_TURN);
    expect(node.checkpointedIndexes.length).toBeGreaterThan(1);
    expect(textsOn(node.disk)).toEqual(node.machine.texts);
  });
});

describe('a checkpoint that cannot be saved', () => {
  it.each([
    ['unavailable', false],
    ['outcomeUnknown', false],
    ['outcomeUnknown', true],
  ] as const)(
    '(%s, written: %s) is saved again with growing pauses, and nothing is missing',
    async (code, isWritten) => {
      const node = await started();
      for (let failure = 0; failure < 3; failure += 1) node.checkpointStore.failNext('save', { code, isWritten });
      await applied(node, 1, EVERY);
      await applied(node, EVERY + 1, EVERY + 1);
      expect(node.warnings).toEqual(['a checkpoint could not be saved; trying again']);
      await node.clock.advance(CHECKPOINT_RETRY_MIN_MS * (1 + 2 + 4) - 1);
      expect([node.warnings.length, node.replica.status().checkpointIndex]).toEqual([3, 0]);
      expect(node.machine.savedIndexes).toEqual([]);
      await node.clock.advance(1);
      expect(node.replica.status().checkpointIndex).toBe(EVERY);
      expect(node.machine.savedIndexes).toEqual([EVERY]);
      await applied(node, EVERY + 2, 2 * EVERY);
      expect(textsOn(node.disk)).toEqual(node.machine.texts);
      expect(node.machine.takenCount).toBe(2);
    },
  );

  it.each<LogStoreErrorCode>(['fenced', 'corrupt'])('because the store is %s stops the node', async (code) => {
    const node = await started();
    node.checkpointStore.failNext('save', { code, isWritten: false });
    await applied(node, 1, EVERY);
    expect(node.failure).toMatchObject({ code });
    expect(node.replica.status().phase).toBe('failed');
  });

  it('is not saved again when the log store was loaded meanwhile and shows that it is there', async () => {
    const node = await started();
    node.checkpointStore.failNext('save', { code: 'outcomeUnknown', isWritten: true });
    await applied(node, 1, EVERY);
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: false });
    await node.effects(persistEffect(EVERY + 1, noop(EVERY + 1)));
    expect(node.loaded.at(-1)?.checkpoint?.index).toBe(EVERY);
    expect(node.replica.status().checkpointIndex).toBe(EVERY);
    await node.clock.advance(10 * CHECKPOINT_RETRY_MIN_MS);
    expect(node.checkpointStore.savedCheckpoints).toHaveLength(1);
    expect(node.checkpointedIndexes).toEqual([EVERY]);
    expect(node.core.inputsOf('checkpointed')).toEqual([]);
    await applied(node, EVERY + 1, 2 * EVERY);
    expect(textsOn(node.disk)).toEqual(node.machine.texts);
  });

  it('waits after a reload until the new core has come as far again and written it', async () => {
    const node = await started();
    node.store.stall();
    const committed = entries(1, EVERY);
    await node.effects(persistEffect(1, ...committed), { type: 'apply', entries: committed });
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: false });
    node.store.release();
    await node.clock.settle();
    expect([node.cores.length, node.loaded.at(-1)?.entries.length]).toEqual([2, 0]);
    // A write of the new core, by the id that the old one had used for these entries.
    await node.effects(persistEffect(1, ...committed.slice(0, 1)));
    node.store.stall();
    await node.effects(persistEffect(2, ...committed.slice(1)), { type: 'apply', entries: committed });
    expect([node.disk.checkpoint, node.warnings]).toEqual([null, ['the store failed; loading it again']]);
    node.store.release();
    await node.clock.settle();
    expect(textsOn(node.disk)).toEqual(['t1', 't2', 't3', 't4']);
    expect(node.core.inputsOf('checkpointed')).toEqual([{ type: 'checkpointed', index: EVERY }]);
    expect(node.machine.takenCount).toBe(1);
  });

  it('ends before the log store is loaded again, which fences what began before', async () => {
    const node = await started();
    node.checkpointStore.stallSaves();
    await applied(node, 1, EVERY);
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: false });
    const loads = node.store.loadCount;
    await node.effects(persistEffect(EVERY + 1, noop(EVERY + 1)));
    expect([node.replica.status().phase, node.store.loadCount - loads]).toEqual(['recovering', 0]);
    node.checkpointStore.release();
    await node.clock.settle();
    expect(node.replica.status()).toMatchObject({ phase: 'running', checkpointIndex: EVERY });
    expect(node.loaded.at(-1)?.checkpoint?.index).toBe(EVERY);
  });

  it('stops the node when it was called durable and is gone after a reload', async () => {
    const node = await started();
    await applied(node, 1, EVERY);
    node.disk.checkpoint = null;
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: false });
    await node.effects(persistEffect(EVERY + 1, noop(EVERY + 1)));
    expect(node.failure?.message).toContain('lost a checkpoint');
  });
});

describe('compacting the durable log', () => {
  const compactTo = (index: number) =>
    ({ type: 'compactLog', base: { index: logIndex(index), term: term(1) } }) as const;

  it('happens in the background, and gives back what the checkpoint holds', async () => {
    const node = await started();
    await applied(node, 1, EVERY);
    await node.effects(compactTo(3));
    expect(node.disk.base.index).toBe(3);
    expect(node.disk.entries.map(({ index }) => index)).toEqual([EVERY]);
  });

  it('that fails is a warning, and the next one makes good for it', async () => {
    const node = await started();
    await applied(node, 1, EVERY);
    node.checkpointStore.failNext('compactLog', { code: 'unavailable', isWritten: false });
    await node.effects(compactTo(2));
    expect([node.disk.base.index, node.warnings]).toEqual([0, ['the log could not be compacted']]);
    await node.effects(compactTo(3));
    expect(node.disk.base.index).toBe(3);
    expect(node.failure).toBeNull();
  });

  it('is one call at a time, and of those that wait only the last', async () => {
    const node = await started();
    await applied(node, 1, EVERY);
    const bases: number[] = [];
    const compactLog = node.checkpointStore.compactLog.bind(node.checkpointStore);
    node.checkpointStore.compactLog = (base) => {
      bases.push(base.index);
      return compactLog(base);
    };
    await node.effects(compactTo(1), compactTo(2), compactTo(3));
    expect(bases).toEqual([1, 3]);
  });

  it('by a process that was fenced stops it', async () => {
    const node = await started();
    await applied(node, 1, EVERY);
    node.checkpointStore.failNext('compactLog', { code: 'fenced', isWritten: false });
    await node.effects(compactTo(2));
    expect(node.failure).toMatchObject({ code: 'fenced' });
  });
});

describe('stopping', () => {
  it('waits for the checkpoint under way, begins no other, and leaves no timer', async () => {
    const node = await started();
    node.checkpointStore.stallSaves();
    await applied(node, 1, 2 * EVERY);
    let isStopped = false;
    const stopping = node.replica.stop().then(() => {
      isStopped = true;
    });
    await node.clock.settle();
    expect(isStopped).toBe(false);
    node.checkpointStore.release();
    await node.clock.settle();
    await stopping;
    expect(node.checkpointStore.savedCheckpoints).toHaveLength(1);
    expect(node.clock.armedTimerCount).toBe(0);
    expect(node.failure).toBeNull();
  });

  it('leaves a checkpoint alone that waits to be saved again', async () => {
    const node = await started();
    node.checkpointStore.failNext('save', { code: 'unavailable', isWritten: false });
    await applied(node, 1, EVERY);
    await node.replica.stop();
    expect(node.clock.armedTimerCount).toBe(0);
    expect(node.disk.checkpoint).toBeNull();
  });
});
