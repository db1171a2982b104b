import { InvariantViolation } from '@latchkey/raft';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import {
  append,
  bytesOf,
  command,
  commands,
  durableState,
  FULL_MEMBERSHIP,
  hardState,
  membership,
  N1,
  noop,
} from './log-samples.js';
import { onNewPlace, type LogStoreFactory } from './log-store-place.js';

const LARGE_ENTRY_BYTES = 1024 * 1024;
const MANY_BATCHES = 120;

/** Entries come back as they were given. */
export const appendChecks: readonly ConformanceCheck<LogStoreFactory>[] = [
  {
    name: 'entries of every type come back byte for byte',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);
        const entries = [
          noop(1, 1),
          command(2, 1, everyByte),
          membership(3, 1),
          noop(4, 2),
          command(5, 2),
          membership(6, 2, FULL_MEMBERSHIP),
        ];
        const { store } = await place.start();
        await store.persist(append(...entries));
        const { durable } = await place.restart();
        expectSame(durable.entries, entries, 'the log after a restart');
      }),
  },
  {
    name: 'an entry with empty data stays a command with empty data',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const entries = [command(1, 1, new Uint8Array(0)), command(2, 1), command(3, 1, new Uint8Array(0))];
        const { store } = await place.start();
        await store.persist(append(...entries));
        const { durable } = await place.restart();
        expectSame(durable.entries, entries, 'the log after a restart');
      }),
  },
  {
    name: 'a large entry comes back whole, with small ones around it',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const entries = [command(1, 1), command(2, 1, bytesOf(3, LARGE_ENTRY_BYTES)), command(3, 1)];
        const { store } = await place.start();
        await store.persist(append(...entries));
        const { durable } = await place.restart();
        expectSame(durable.entries, entries, 'the log after a restart');
      }),
  },
  {
    name: 'data that is a view into a larger buffer is stored as that view, and not as what becomes of the buffer',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const buffer = bytesOf(1, 64);
        const { store } = await place.start();
        await store.persist(append(command(1, 1, buffer.subarray(10, 20))));
        buffer.fill(0);
        const { durable } = await place.restart();
        expectSame(durable.entries, [command(1, 1, bytesOf(1, 64).slice(10, 20))], 'the log after a restart');
      }),
  },
  {
    name: 'a log appended in many batches comes back in index order, also past 9, 99 and into new terms',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        const expected = [];
        for (let index = 1; index <= MANY_BATCHES; index += 1) {
          const entryTerm = 1 + Math.floor(index / 9);
          expected.push(command(index, entryTerm));
          await store.persist({
            hardState: hardState(entryTerm, N1),
            truncateFrom: null,
            entries: [command(index, entryTerm)],
          });
        }
        const { durable } = await place.restart();
        expectSame(durable, durableState(hardState(14, N1), expected), 'the state after a restart');
      }),
  },
  {
    name: 'an append that leaves a hole or overlaps is refused as a bug and changes nothing',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist(append(...commands(1, 3, 1)));
        for (const entries of [[command(5, 1)], [command(3, 2)], [command(4, 1), command(6, 1)]]) {
          const batch = { hardState: hardState(9, N1), truncateFrom: null, entries };
          const error = await expectFailure(() => store.persist(batch), 'an append that does not follow the log');
          expectThat(error instanceof InvariantViolation, `the refusal is an InvariantViolation (${String(error)})`);
        }
        const { durable } = await place.restart();
        expectSame(durable, durableState(hardState(0), commands(1, 3, 1)), 'the state after the refusals');
      }),
  },
];
