import * as fc from 'fast-check';
import { logIndex, nodeId, persistId, term, type Effect, type LogEntry } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { PersistPipeline, type DurableBatch, type StoreBarrier } from './persist-pipeline.js';
import { LogStoreError, type LogStore, type PersistBatch } from './ports/log-store.js';
import { VirtualClock } from './test-support/virtual-clock.js';

type PersistEffect = Extract<Effect, { readonly type: 'persist' }>;

const MAX_BATCH_BYTES = 1_000;
const NODE = nodeId('n1');

const command = (index: number, entryTerm = 1, byteCount = 10): LogEntry => ({
  type: 'command',
  index: logIndex(index),
  term: term(entryTerm),
  data: new Uint8Array(byteCount),
});

function persist(id: number, parts: Partial<Omit<PersistEffect, 'type' | 'persistId'>>): PersistEffect {
  return { type: 'persist', persistId: persistId(id), hardState: null, truncateFrom: null, entries: [], ...parts };
}

/** A store whose writes end when the test says so. */
class ManualStore implements LogStore {
  readonly batches: PersistBatch[] = [];
  private end: ((error: Error | null) => void) | null = null;

  load(): never {
    throw new Error('not used');
  }

  persist(batch: PersistBatch): Promise<void> {
    if (this.end !== null) throw new Error('two writes at a time');
    this.batches.push(batch);
    return new Promise((resolve, reject) => {
      this.end = (error) => {
        this.end = null;
        if (error === null) resolve();
        else reject(error);
      };
    });
  }

  async close(): Promise<void> {}

  finish(error: Error | null = null): void {
    this.end?.(error);
  }
}

function setUp(logStore: LogStore) {
  const durable: DurableBatch[] = [];
  const failures: unknown[] = [];
  const clock = new VirtualClock();
  const pipeline = new PersistPipeline({
    logStore,
    clock,
    maxBatchBytes: MAX_BATCH_BYTES,
    onDurable: (batch) => durable.push(batch),
    onFailed: (error) => failures.push(error),
  });
  return { pipeline, durable, failures, clock };
}

describe('group commit', () => {
  it('writes one batch at a time and gathers the next meanwhile', async () => {
    const store = new ManualStore();
    const { pipeline, durable, clock } = setUp(store);
    pipeline.add(persist(1, { entries: [command(1)] }));
    pipeline.startNext();
    for (const id of [2, 3, 4]) {
      pipeline.add(persist(id, { entries: [command(id)] }));
      pipeline.startNext();
    }
    await clock.settle();
    expect(store.batches.map(({ entries }) => entries.length)).toEqual([1]);
    store.finish();
    await clock.settle();
    pipeline.startNext();
    store.finish();
    await clock.settle();
    expect(store.batches.map(({ entries }) => entries.map(({ index }) => index))).toEqual([[1], [2, 3, 4]]);
    expect(durable.map(({ lastPersistId }) => lastPersistId)).toEqual([1, 4]);
  });

  it('merges as if the effects followed each other: last vote, smallest truncation, surviving entries', async () => {
    const store = new ManualStore();
    const { pipeline } = setUp(store);
    pipeline.add(persist(1, { hardState: { currentTerm: term(2), votedFor: NODE }, truncateFrom: logIndex(6) }));
    pipeline.add(persist(2, { entries: [command(6, 2), command(7, 2), command(8, 2)] }));
    pipeline.add(persist(3, { hardState: { currentTerm: term(3), votedFor: null }, truncateFrom: logIndex(8) }));
    pipeline.add(persist(4, { entries: [command(8, 3)] }));
    pipeline.startNext();
    const [batch] = store.batches;
    expect(batch?.hardState).toEqual({ currentTerm: 3, votedFor: null });
    expect(batch?.truncateFrom).toBe(6);
    expect(batch?.entries).toEqual([command(6, 2), command(7, 2), command(8, 3)]);
  });

  it('does not truncate in the store what never reached it', () => {
    const store = new ManualStore();
    const { pipeline } = setUp(store);
    pipeline.add(persist(1, { entries: [command(4), command(5)] }));
    pipeline.add(persist(2, { truncateFrom: logIndex(5), entries: [command(5, 2)] }));
    pipeline.startNext();
    expect(store.batches).toMatchObject([{ truncateFrom: null, entries: [command(4), command(5, 2)] }]);
  });

  it('begins another batch above the byte limit, but lets one large effect travel alone', async () => {
    const store = new ManualStore();
    const { pipeline, clock } = setUp(store);
    pipeline.add(persist(1, { entries: [command(1, 1, 2 * MAX_BATCH_BYTES)] }));
    pipeline.add(persist(2, { entries: [command(2, 1, 400)] }));
    pipeline.add(persist(3, { entries: [command(3, 1, 400)] }));
    pipeline.add(persist(4, { entries: [command(4, 1, 400)] }));
    for (let write = 0; write < 4; write += 1) {
      pipeline.startNext();
      store.finish();
      await clock.settle();
    }
    expect(store.batches.map(({ entries }) => entries.map(({ index }) => index))).toEqual([[1], [2, 3], [4]]);
  });

  it('after a failed write writes and reports nothing more', async () => {
    const store = new ManualStore();
    const { pipeline, durable, failures, clock } = setUp(store);
    pipeline.add(persist(1, { entries: [command(1)] }));
    pipeline.startNext();
    pipeline.add(persist(2, { entries: [command(2)] }));
    const error = new LogStoreError('outcomeUnknown', 'connection lost');
    store.finish(error);
    await clock.settle();
    pipeline.startNext();
    pipeline.add(persist(3, { entries: [command(3)] }));
    pipeline.startNext();
    expect(failures).toEqual([error]);
    expect(store.batches).toHaveLength(1);
    expect(durable).toEqual([]);
  });

  it('a store that throws at once is a failed write, not an exception in the middle of a turn', async () => {
    const store = new ManualStore();
    store.persist = () => {
      throw new LogStoreError('unavailable', 'no connection');
    };
    const { pipeline, failures, clock } = setUp(store);
    pipeline.add(persist(1, { entries: [command(1)] }));
    pipeline.startNext();
    await clock.settle();
    expect(failures).toHaveLength(1);
  });

  it('leaves the same log, however the effects are merged', async () => {
    const steps = fc.array(
      fc.record({
        keptShare: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
        added: fc.nat(4),
        isWrittenBefore: fc.boolean(),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const store = new ManualStore();
        const { pipeline, clock } = setUp(store);
        let expected: LogEntry[] = [];
        for (const [position, { keptShare, added, isWrittenBefore }] of plan.entries()) {
          if (isWrittenBefore) pipeline.startNext();
          const kept = Math.floor(expected.length * keptShare);
          const truncateFrom = kept < expected.length ? logIndex(kept + 1) : null;
          const entries = Array.from({ length: added }, (_, offset) => command(kept + 1 + offset, position + 1));
          pipeline.add(persist(position + 1, { truncateFrom, entries }));
          expected = [...expected.slice(0, kept), ...entries];
          if (isWrittenBefore) {
            store.finish();
            await clock.settle();
          }
        }
        for (let write = 0; write <= plan.length; write += 1) {
          pipeline.startNext();
          store.finish();
          await clock.settle();
        }
        expect(replay(store.batches)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a barrier among the writes', () => {
  function barrierFor(events: string[]) {
    let end: (error: Error | null) => void = () => undefined;
    const barrier: StoreBarrier = {
      run: () => {
        events.push('begun');
        return new Promise((resolve, reject) => {
          end = (error) => (error === null ? resolve() : reject(error));
        });
      },
      onDurable: () => events.push('durable'),
    };
    return { barrier, finish: (error: Error | null = null) => end(error) };
  }

  it('begins after the write before it, holds up those after it, and is not merged across', async () => {
    const store = new ManualStore();
    const { pipeline, durable, clock } = setUp(store);
    const events: string[] = [];
    const { barrier, finish } = barrierFor(events);
    pipeline.add(persist(1, { entries: [command(1)] }));
    pipeline.startNext();
    pipeline.add(persist(2, { entries: [command(2)] }));
    pipeline.addBarrier(barrier);
    pipeline.add(persist(4, { entries: [command(11)] }));
    pipeline.add(persist(5, { entries: [command(12)] }));
    for (let write = 0; write < 2; write += 1) {
      expect(events).toEqual([]);
      store.finish();
      await clock.settle();
      pipeline.startNext();
    }
    expect([events, store.batches.length]).toEqual([['begun'], 2]);
    finish();
    await clock.settle();
    pipeline.startNext();
    store.finish();
    await clock.settle();
    expect(events).toEqual(['begun', 'durable']);
    expect(store.batches.at(-1)?.entries.map(({ index }) => index)).toEqual([11, 12]);
    expect(durable.map(({ lastPersistId }) => lastPersistId)).toEqual([1, 2, 5]);
  });

  it('that fails ends the pipeline as a failed write does', async () => {
    const store = new ManualStore();
    const { pipeline, failures, clock } = setUp(store);
    const events: string[] = [];
    const { barrier, finish } = barrierFor(events);
    pipeline.addBarrier(barrier);
    pipeline.add(persist(2, { entries: [command(1)] }));
    pipeline.startNext();
    finish(new LogStoreError('outcomeUnknown', 'the answer was lost'));
    await clock.settle();
    pipeline.startNext();
    expect([events, failures.length, store.batches.length]).toEqual([['begun'], 1, 0]);
  });

  it('that is under way when the pipeline closes is waited for, and not reported', async () => {
    const { pipeline, failures, clock } = setUp(new ManualStore());
    const events: string[] = [];
    const { barrier, finish } = barrierFor(events);
    pipeline.addBarrier(barrier);
    pipeline.startNext();
    const closed = pipeline.close().then(() => events.push('closed'));
    await clock.settle();
    expect(events).toEqual(['begun']);
    finish();
    await closed;
    expect([events, failures]).toEqual([['begun', 'closed'], []]);
  });
});

/** What a store makes of the batches; each must follow the log. */
function replay(batches: readonly PersistBatch[]): LogEntry[] {
  let log: LogEntry[] = [];
  for (const { truncateFrom, entries } of batches) {
    if (truncateFrom !== null) log = log.slice(0, truncateFrom - 1);
    for (const entry of entries) {
      expect(entry.index).toBe(log.length + 1);
      log.push(entry);
    }
  }
  return log;
}
