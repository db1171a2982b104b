import { describe, expect, it } from 'vitest';
import type { WatchMessage } from '@latchkey/contracts';
import { LogStoreError } from '@latchkey/replica';
import { prefixRange, revision } from '@latchkey/state-machine';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { PastValues } from '../history/past-values.js';
import { ColdLog, longValue } from '../test-support/cold-log.js';
import type { WatchSink } from './watch.js';
import { MAX_READING_WATCHES, WatchHub } from './watch-hub.js';

/** More revisions than one slice of history has. */
const MANY = 600;

class Reader implements WatchSink {
  isWritable = true;
  readonly messages: WatchMessage[] = [];

  deliver(_watch: unknown, message: { readonly content: WatchMessage }): void {
    this.messages.push(message.content);
  }

  /** Revision and first byte of the value of each put. */
  get puts(): readonly (readonly [number, number | undefined])[] {
    return this.messages.flatMap((message) =>
      message.type === 'events'
        ? message.events.flatMap((event) =>
            event.type === 'put' ? [[event.record.modRevision, event.record.value[0]] as const] : [],
          )
        : [],
    );
  }
}

function world() {
  const clock = new ManualClock();
  const log = new ColdLog();
  const past = new PastValues({ reader: log.machine, readRows: log.readRows, onCorrupt: () => undefined });
  const hub = new WatchHub({ clock, reader: log.machine, past });
  log.onApply((result) => hub.applied(result));
  const watch = (fromRevision: number | null, withPrevious = false) => {
    const sink = new Reader();
    return { sink, watch: hub.add({ id: 1, range: prefixRange('a/'), fromRevision, withPrevious, sink }) };
  };
  return { clock, log, hub, watch };
}

/** Revisions 2 to 5 are puts of one key, whose values are in the rows of a checkpoint. */
function worldWithPast() {
  const made = world();
  for (let count = 0; count < 4; count += 1) made.log.put('a/1');
  made.log.save();
  return made;
}

/** Puts of the revisions, each with the value that says its own. */
const puts = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => [from + at, (from + at) % 256] as const);

/** Looks into the rows end when it is called. */
function closeGate(log: ColdLog): () => void {
  let open: () => void = () => undefined;
  log.gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

describe('a watch that begins where values are not in memory any more', () => {
  it('gets all of them in order, then goes on with what comes, without a gap or a repetition', async () => {
    const { clock, log, watch } = world();
    for (let count = 0; count < MANY; count += 1) log.put('a/1');
    log.save();
    const { sink } = watch(2);
    // Writes go on while it catches up.
    for (let count = 0; count < MANY; count += 1) {
      log.put('a/1');
      if (count % 50 === 0) await clock.settle();
    }
    await clock.advance(0);
    await clock.settle();
    log.put('a/1');
    await clock.settle();
    expect(sink.puts).toEqual(puts(2, 2 * MANY + 2));
    expect(log.lookups.length).toBeGreaterThan(1);
  });

  it('gets them once, though others write while they are read', async () => {
    const { clock, log, watch } = worldWithPast();
    const open = closeGate(log);
    const { sink } = watch(2);
    await clock.settle();
    for (let count = 0; count < 3; count += 1) {
      log.put('a/1');
      await clock.settle();
    }
    open();
    await clock.settle();
    expect(sink.puts).toEqual(puts(2, 8));
    expect(log.lookups).toHaveLength(1);
  });

  it('is told what was there before each change, if it wants to know', async () => {
    const { clock, watch } = worldWithPast();
    const { sink } = watch(4, true);
    await clock.settle();
    expect(sink.messages.at(-1)).toMatchObject({
      type: 'events',
      events: [
        { record: { modRevision: 4 }, previous: { modRevision: 3, value: longValue(3) } },
        { record: { modRevision: 5 }, previous: { modRevision: 4, value: longValue(4) } },
      ],
    });
  });

  it('is told that history was compacted, also when that happens while values are read', async () => {
    const { clock, log, watch } = worldWithPast();
    const open = closeGate(log);
    const { sink } = watch(2);
    await clock.settle();
    log.apply([{ type: 'compact', revision: revision(5) }]);
    log.save();
    open();
    await clock.settle();
    expect(sink.messages.slice(1)).toMatchObject([
      { type: 'ended', error: { code: 'COMPACTED', details: { compactRevision: 5 } } },
    ]);
  });

  it('ends with what says that it may be opened again when the values cannot be read', async () => {
    const { clock, log, hub, watch } = worldWithPast();
    log.gate = Promise.reject(new LogStoreError('unavailable', 'away'));
    const { sink } = watch(2);
    await clock.settle();
    expect(sink.messages.slice(1)).toMatchObject([{ type: 'ended', error: { code: 'UNAVAILABLE', retry: 'safe' } }]);
    expect(hub.size).toBe(0);
  });

  it('gets nothing after it was closed, though its values are being read', async () => {
    const { clock, log, hub, watch } = worldWithPast();
    const open = closeGate(log);
    const opened = watch(2);
    await clock.settle();
    hub.remove(opened.watch);
    open();
    await clock.settle();
    expect(opened.sink.messages).toHaveLength(1);
  });

  it('waits for its turn where many are, and those that need nothing old do not wait for it', async () => {
    const { clock, log, watch } = worldWithPast();
    const open = closeGate(log);
    const old = Array.from({ length: 3 * MAX_READING_WATCHES }, () => watch(2));
    await clock.settle();
    expect(log.lookups).toHaveLength(MAX_READING_WATCHES);
    const behind = watch(5);
    const live = watch(null);
    log.put('a/2');
    await clock.settle();
    expect(behind.sink.puts).toEqual(puts(5, 6));
    expect(live.sink.puts).toEqual(puts(6, 6));
    open();
    await clock.settle();
    await clock.settle();
    for (const { sink } of old) expect(sink.puts).toEqual(puts(2, 6));
  });

  it('keeps nobody waiting whose client does not read while it has its turn', async () => {
    const { clock, log, watch } = worldWithPast();
    const open = closeGate(log);
    const old = Array.from({ length: 2 * MAX_READING_WATCHES + 1 }, () => watch(2));
    await clock.settle();
    const slow = old.slice(MAX_READING_WATCHES, 2 * MAX_READING_WATCHES);
    for (const { sink } of slow) sink.isWritable = false;
    open();
    await clock.settle();
    await clock.settle();
    expect(old.at(-1)?.sink.puts).toEqual(puts(2, 5));
    for (const { sink } of slow) expect(sink.puts).toEqual([]);
  });
});
