import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command } from './commands.js';
import { key, revision } from './ids.js';
import { prefixRange } from './key-range.js';
import type { KeyRecord, PastRecord } from './key-record.js';
import { parseQueueKey } from './queue-key.js';
import { KEYS, keyHistories, LEASES, LOCKS, lockHistories } from './test-support/arbitrary-history.js';
import { compact, lease, text } from './test-support/commands.js';
import { inRange, NaiveStore, type NaiveRecord } from './test-support/naive-store.js';
import { TestMachine } from './test-support/test-machine.js';
import { withValue } from './test-support/warmed.js';

const PROPERTY_RUNS = 400;
const ENTRIES_TO_FREE_ALL_MEMORY = 3;

/** Compactions go on from the one before, some of them by nothing or too far. */
const COMPACTION_STEPS = 8;

const plain = (record: PastRecord | null): NaiveRecord | null =>
  record === null
    ? null
    : {
        key: record.key,
        value: text(withValue(record).value),
        create: record.createRevision,
        mod: record.modRevision,
        version: record.version,
        lease: record.leaseId,
      };

/** Does to the naive store what the machine did; refusals of the machine are checked elsewhere and change nothing. */
function follow(naive: NaiveStore, machine: TestMachine, told: Command): void {
  const command = told.type === 'compact' ? compact(naive.compacted + (told.revision % COMPACTION_STEPS)) : told;
  const outcome = machine.do(command);
  if (outcome.type === 'refused') return;
  if (command.type === 'put' || command.type === 'delete' || command.type === 'transaction') naive.run(command);
  else if (command.type === 'leaseGrant') naive.leases.add(command.leaseId);
  else if (command.type === 'leaseRevoke') naive.endLease(command.leaseId);
  else if (command.type === 'compact') naive.compacted = command.revision;
}

function expectSameKeys(machine: TestMachine, naive: NaiveStore): void {
  expect([machine.state.revision, machine.state.compactRevision]).toEqual([naive.revision, naive.compacted]);
  for (let at = naive.compacted; at <= naive.revision; at += 1) {
    for (const [range, limit] of [
      [prefixRange(''), 0],
      [prefixRange('a'), 1],
      [{ start: 'a/1', end: 'locks/x/2' }, 2],
    ] as const) {
      const answer = machine.state.range({ range, limit, revision: revision(at), keysOnly: false });
      if ('type' in answer) throw new Error(`revision ${at} refused as ${answer.code}`);
      const all = inRange(naive.at(at), range);
      const records = limit === 0 ? all : all.slice(0, limit);
      expect(answer.records.map(plain)).toEqual(records);
      expect([answer.count, answer.more]).toEqual([all.length, all.length > records.length]);
    }
  }
  for (const each of KEYS) {
    expect(machine.state.history(key(each)).map((version) => plain(version.record))).toEqual(naive.history(each));
    expect(plain(machine.state.get(key(each)))).toEqual(naive.now.get(each) ?? null);
  }
}

/** Every revision's events are exactly the difference of the two states around it. */
function expectSameEvents(machine: TestMachine, naive: NaiveStore): void {
  const answer = machine.state.eventsFrom(revision(naive.compacted + 1), Number.MAX_SAFE_INTEGER);
  if ('type' in answer) throw new Error(`events refused as ${answer.code}`);
  const first = Math.max(naive.compacted + 1, 2);
  expect(answer.map((each) => each.revision)).toEqual(
    Array.from({ length: naive.revision - first + 1 }, (_, index) => first + index),
  );
  for (const { revision: at, events } of answer) {
    const state = new Map(naive.at(at - 1));
    for (const event of events) {
      const changed = event.type === 'put' ? event.record.key : event.key;
      expect(plain(event.previous)).toEqual(state.get(changed) ?? null);
      const record = event.type === 'put' ? plain(event.record) : null;
      if (record === null) state.delete(changed);
      else state.set(changed, record);
    }
    expect(state).toEqual(new Map(naive.at(at)));
  }
}

describe('key space against the naive model', () => {
  it('agrees on every revision, history and event after any commands, before and after memory is freed', () => {
    fc.assert(
      fc.property(keyHistories, (commands) => {
        const machine = new TestMachine();
        const naive = new NaiveStore();
        for (const command of commands) follow(naive, machine, command);
        expectSameKeys(machine, naive);
        expectSameEvents(machine, naive);
        for (let entry = 0; entry < ENTRIES_TO_FREE_ALL_MEMORY; entry += 1) machine.run();
        expectSameKeys(machine, naive);
        expectSameEvents(machine, naive);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('attaches to each living lease exactly the keys that name it', () => {
    fc.assert(
      fc.property(lockHistories, (commands) => {
        const machine = new TestMachine();
        for (const command of commands) machine.run(command);
        const records = allRecords(machine);
        for (const number of LEASES) {
          const named = records.filter((record) => record.leaseId === lease(number)).map((record) => record.key);
          expect(machine.state.lease(lease(number))?.keys ?? []).toEqual(named);
        }
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });
});

describe('queues against what the keys say', () => {
  it('hold, wait and are granted in the order of createRevision, each token once and ever higher', () => {
    fc.assert(
      fc.property(lockHistories, (commands) => {
        const machine = new TestMachine();
        const tokens = new Map<string, number>();
        let holders = new Map<string, KeyRecord>();
        for (const command of commands) {
          const { grants } = machine.run(command);
          const now = holdersByKeys(machine);
          const news = [...now].filter(([name, record]) => holders.get(name)?.createRevision !== record.createRevision);
          const told = grants.map((each) => `${each.name} ${each.leaseId} ${each.fencingToken}`);
          expect(new Set(told)).toEqual(
            new Set(news.map(([name, record]) => `${name} ${record.leaseId} ${record.createRevision}`)),
          );
          expect(told).toHaveLength(news.length);
          for (const { name, fencingToken } of grants) {
            expect(fencingToken).toBeGreaterThan(tokens.get(name) ?? 0);
            tokens.set(name, fencingToken);
          }
          holders = now;
        }
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('are listed as the keys stand', () => {
    fc.assert(
      fc.property(lockHistories, (commands) => {
        const machine = new TestMachine();
        for (const command of commands) machine.run(command);
        for (const name of LOCKS) {
          const entries = machine.state.queue('locks', name);
          expect(entries.map((entry) => entry.record)).toEqual(queueByKeys(machine, name));
          expect(entries.map((entry) => [entry.position, entry.holding])).toEqual(
            entries.map((_, index) => [index, index === 0]),
          );
        }
        expect(machine.state.queueNames('locks', '')).toEqual(
          LOCKS.filter((name) => queueByKeys(machine, name).length > 0),
        );
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });
});

function allRecords(machine: TestMachine): readonly KeyRecord[] {
  return machine.state.range({ range: prefixRange(''), limit: 0, revision: null, keysOnly: false }).records;
}

/** The queue as anybody can work it out who lists the keys. */
function queueByKeys(machine: TestMachine, name: string): KeyRecord[] {
  return allRecords(machine)
    .filter((record) => {
      const place = parseQueueKey(record.key);
      return place?.space === 'locks' && place.name === name && place.leaseId === record.leaseId;
    })
    .sort((left, right) => left.createRevision - right.createRevision);
}

function holdersByKeys(machine: TestMachine): Map<string, KeyRecord> {
  const holders = new Map<string, KeyRecord>();
  for (const name of LOCKS) {
    const [first] = queueByKeys(machine, name);
    if (first !== undefined) holders.set(name, first);
  }
  return holders;
}
