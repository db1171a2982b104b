import { describe, expect, it } from 'vitest';
import type { WatchMessage } from '@latchkey/contracts';
import { prefixRange, revision, type Command } from '@latchkey/state-machine';
import { keyOfText, rangeOfWire } from '../commands/key-text.js';
import { LocalLog } from '../../../../libs/lessor/src/test-support/local-log.js';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { valueAtHand } from '../history/past-values.js';
import type { SharedMessage } from './shared-message.js';
import type { Watch, WatchSink } from './watch.js';
import { MAX_BEHIND_MS, PROGRESS_INTERVAL_MS, WatchHub, type WatchHubOptions } from './watch-hub.js';

const allInMemory: WatchHubOptions['past'] = { with: (_records, use) => use(valueAtHand) };

class Reader implements WatchSink {
  isWritable = true;
  readonly messages: WatchMessage[] = [];
  readonly shared: SharedMessage[] = [];

  deliver(_watch: Watch, message: SharedMessage): void {
    this.messages.push(message.content);
    this.shared.push(message);
  }

  /** Revisions of the events, in the order in which they came. */
  get revisions(): readonly number[] {
    return this.messages.flatMap((message) =>
      message.type === 'events'
        ? message.events.map((event) => (event.type === 'put' ? event.record.modRevision : event.revision))
        : [],
    );
  }
}

function world() {
  const clock = new ManualClock();
  const log = new LocalLog();
  const hub = new WatchHub({ clock, reader: log.machine, past: allInMemory });
  log.onApply((result) => hub.applied(result));
  const put = (key: string) => log.apply([putCommand(key)]);
  const watch = (prefix: string, fromRevision: number | null = null, id = 1) => {
    const sink = new Reader();
    return { sink, watch: hub.add({ id, range: prefixRange(prefix), fromRevision, withPrevious: false, sink }) };
  };
  return { clock, log, hub, put, watch };
}

const putCommand = (key: string): Command => ({
  type: 'put',
  key: keyOfText(key),
  value: new Uint8Array([1]),
  leaseId: null,
  expectedModRevision: null,
  wantPrevious: false,
  keepValue: false,
  keepLease: false,
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a watch', () => {
  it('from now on gets what comes, and nothing of before', async () => {
    const { clock, put, watch } = world();
    put('a/1');
    const { sink } = watch('a/');
    put('a/2');
    put('b/1');
    put('a/3');
    await clock.settle();
    expect(sink.messages[0]).toEqual({ type: 'created', revision: 2 });
    expect(sink.revisions).toEqual([3, 5]);
  });

  it('from the past gets the history, then goes on, without a gap or a repetition', async () => {
    const { clock, put, watch } = world();
    const total = 1_000;
    for (let count = 0; count < total; count += 1) put(`a/${count % 7}`);
    const { sink } = watch('a/', 2);
    // Writes go on while it catches up.
    for (let count = 0; count < total; count += 1) {
      put(`a/${count % 7}`);
      if (count % 100 === 0) await clock.settle();
    }
    await clock.settle();
    expect(sink.revisions).toEqual(range(2, 2 * total + 1));
  });

  it('from the future waits until then', async () => {
    const { clock, put, watch } = world();
    const { sink } = watch('a/', 4);
    for (let count = 0; count < 4; count += 1) {
      put('a/1');
      await clock.settle();
    }
    expect(sink.revisions).toEqual([4, 5]);
  });

  it('gets all events of a revision in one message', async () => {
    const { clock, log, watch } = world();
    const { sink } = watch('a/');
    log.apply([
      { type: 'transaction', comparisons: [], success: [putOperation('a/1'), putOperation('a/2')], failure: [] },
    ]);
    await clock.settle();
    expect(sink.messages.slice(1)).toMatchObject([
      { type: 'events', revision: 2, events: [{ type: 'put' }, { type: 'put' }] },
    ]);
  });

  it('on one key is not told of others', async () => {
    const { clock, hub, put } = world();
    const sink = new Reader();
    hub.add({ id: 1, range: rangeOfWire({ key: 'a' }), fromRevision: null, withPrevious: false, sink });
    put('a');
    put('ab');
    await clock.settle();
    expect(sink.revisions).toEqual([2]);
  });

  it('shares its messages with others that want the same', async () => {
    const { clock, put, watch } = world();
    const first = watch('a/', null, 1);
    const second = watch('a/', null, 2);
    put('a/1');
    await clock.settle();
    expect(first.sink.shared[1]).toBe(second.sink.shared[1]);
  });

  it('from before a compaction is told so', async () => {
    const { clock, log, put, watch } = world();
    for (let count = 0; count < 5; count += 1) put('a/1');
    log.apply([{ type: 'compact', revision: revision(4) }]);
    const { sink } = watch('a/', 2);
    await clock.settle();
    expect(sink.messages.at(-1)).toMatchObject({
      type: 'ended',
      error: { code: 'COMPACTED', details: { compactRevision: 4 } },
    });
  });

  it('gets nothing after it was closed', async () => {
    const { clock, hub, put, watch } = world();
    const opened = watch('a/');
    put('a/1');
    hub.remove(opened.watch);
    await clock.settle();
    expect(opened.sink.revisions).toEqual([]);
    expect(hub.size).toBe(0);
  });

  it('that is quiet is told how far it is, and only what is true', async () => {
    const { clock, put, watch } = world();
    const quiet = watch('a/');
    const future = watch('a/', 100, 2);
    put('b/1');
    await clock.advance(2 * PROGRESS_INTERVAL_MS);
    expect(quiet.sink.messages.at(-1)).toEqual({ type: 'progress', revision: 2 });
    expect(future.sink.messages.filter(({ type }) => type === 'progress')).toEqual([]);
  });
});

describe('a client that reads too slowly (FAILURE-MODES 48)', () => {
  it('falls behind, costs no buffer, and later gets everything in order', async () => {
    const { clock, hub, put, watch } = world();
    const { sink } = watch('a/');
    sink.isWritable = false;
    for (let count = 0; count < 600; count += 1) {
      put('a/1');
      if (count % 50 === 0) await clock.settle();
    }
    await clock.settle();
    expect(sink.messages).toHaveLength(1);
    sink.isWritable = true;
    hub.writable();
    await clock.settle();
    put('a/1');
    await clock.settle();
    expect(sink.revisions).toEqual(range(2, 602));
  });

  it('is ended with a cursor by which it can resume without a gap', async () => {
    const { clock, hub, put, watch } = world();
    const { sink } = watch('a/');
    put('a/1');
    await clock.settle();
    sink.isWritable = false;
    put('a/1');
    await clock.advance(MAX_BEHIND_MS + 2_000);
    expect(sink.messages.at(-1)).toMatchObject({
      type: 'ended',
      error: { code: 'OVERLOADED', details: { resumeFromRevision: 3 } },
    });
    expect(hub.size).toBe(0);
    const resumed = watch('a/', 3);
    await clock.settle();
    expect(resumed.sink.revisions).toEqual([3]);
  });

  it('does not hold up the others', async () => {
    const { clock, put, watch } = world();
    const slow = watch('a/', null, 1);
    const quick = watch('a/', null, 2);
    slow.sink.isWritable = false;
    put('a/1');
    await clock.settle();
    expect(quick.sink.revisions).toEqual([2]);
    expect(slow.sink.revisions).toEqual([]);
  });
});

describe('the state jumps, as by a snapshot of the leader', () => {
  const JUMP = 700;

  /** A node whose state is replaced by the one of another that has gone on without it. */
  function jumpingWorld() {
    const clock = new ManualClock();
    const [own, leader] = [new LocalLog(), new LocalLog()];
    const position = { machine: own.machine };
    const reader: WatchHubOptions['reader'] = {
      get revision() {
        return position.machine.revision;
      },
      get compactRevision() {
        return position.machine.compactRevision;
      },
      eventsFrom: (...wanted) => position.machine.eventsFrom(...wanted),
    };
    const hub = new WatchHub({ clock, reader, past: allInMemory });
    own.onApply((result) => hub.applied(result));
    const putOnBoth = (key: string) => [own, leader].forEach((log) => log.apply([putCommand(key)]));
    const jump = () => {
      position.machine = leader.machine;
      hub.replaced();
      leader.onApply((result) => hub.applied(result));
    };
    const watch = (prefix: string, fromRevision: number | null = null) => {
      const sink = new Reader();
      return { sink, watch: hub.add({ id: 1, range: prefixRange(prefix), fromRevision, withPrevious: false, sink }) };
    };
    return { clock, leader, hub, putOnBoth, jump, watch };
  }

  it('and a live watch goes on from the history, without a gap or a repetition', async () => {
    const { clock, leader, putOnBoth, jump, watch } = jumpingWorld();
    const { sink } = watch('a/');
    putOnBoth('a/1');
    await clock.settle();
    for (let count = 0; count < JUMP; count += 1) leader.apply([putCommand('a/2')]);
    jump();
    // Writes go on before it has caught up.
    leader.apply([putCommand('a/3')]);
    await clock.settle();
    leader.apply([putCommand('a/4')]);
    await clock.settle();
    expect(sink.revisions).toEqual(range(2, JUMP + 4));
  });

  it('and what was applied before, in the same turn, is not forgotten over it', async () => {
    const { clock, leader, putOnBoth, jump, watch } = jumpingWorld();
    const { sink } = watch('a/');
    putOnBoth('a/1');
    leader.apply([putCommand('a/2')]);
    jump();
    await clock.settle();
    expect(sink.revisions).toEqual([2, 3]);
  });

  it('beyond what is compacted, and a watch is told so', async () => {
    const { clock, leader, hub, putOnBoth, jump, watch } = jumpingWorld();
    const { sink } = watch('a/');
    putOnBoth('a/1');
    await clock.settle();
    for (let count = 0; count < JUMP; count += 1) leader.apply([putCommand('b/1')]);
    leader.apply([{ type: 'compact', revision: revision(JUMP) }]);
    jump();
    await clock.settle();
    expect(sink.messages.at(-1)).toMatchObject({ type: 'ended', error: { code: 'COMPACTED' } });
    expect(hub.size).toBe(0);
  });

  it('and a watch from a revision that it had waited for gets it', async () => {
    const { clock, leader, jump, watch } = jumpingWorld();
    const { sink } = watch('a/', 4);
    for (let count = 0; count < JUMP; count += 1) leader.apply([putCommand('a/1')]);
    jump();
    await clock.settle();
    expect(sink.revisions).toEqual(range(4, JUMP + 1));
  });

  it('and the progress that a quiet watch is told of has been looked at', async () => {
    const { clock, leader, jump, watch } = jumpingWorld();
    const quiet = watch('quiet/');
    const slow = watch('a/');
    slow.sink.isWritable = false;
    leader.apply([putCommand('a/1')]);
    jump();
    await clock.advance(PROGRESS_INTERVAL_MS + 2_000);
    expect(quiet.sink.messages.at(-1)).toEqual({ type: 'progress', revision: 2 });
    expect(slow.sink.messages.map(({ type }) => type)).toEqual(['created']);
  });
});

function putOperation(key: string) {
  const command = putCommand(key);
  if (command.type !== 'put') throw new Error('not a put');
  return command;
}
