import { LogStoreError } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import { append, command, commands, durableState, hardState, N1, N2, vote } from './log-samples.js';
import { onNewPlace, type LogStoreFactory } from './log-store-place.js';

/** One owner at a time (FAILURE-MODES 33). */
export const ownershipChecks: readonly ConformanceCheck<LogStoreFactory>[] = [
  {
    name: 'a second load fences the older owner, whose writes then fail and change nothing',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const older = await place.start();
        await older.store.persist(append(...commands(1, 2, 1)));
        const younger = await place.start();
        expectSame(younger.durable.entries, commands(1, 2, 1), 'what the younger owner finds');
        const error = await expectFailure(
          () => older.store.persist(vote(hardState(5, N1))),
          'a write of the older owner',
        );
        expectThat(error instanceof LogStoreError, `the refusal is a LogStoreError (${String(error)})`);
        expectSame(error.code, 'fenced', 'its code');
        await younger.store.persist({ hardState: hardState(2, N2), truncateFrom: null, entries: [command(3, 2)] });
        const { durable } = await place.restart();
        expectSame(durable, durableState(hardState(2, N2), [...commands(1, 2, 1), command(3, 2)]), 'the end');
      }),
  },
  {
    name: 'the owner can load again, sees its own writes, and can go on',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist({ hardState: hardState(1, N1), truncateFrom: null, entries: commands(1, 3, 1) });
        expectSame(await store.load(), durableState(hardState(1, N1), commands(1, 3, 1)), 'the second load');
        await store.persist(append(command(4, 1)));
        const { durable } = await place.restart();
        expectSame(durable.entries, commands(1, 4, 1), 'the log after a restart');
      }),
  },
  {
    name: 'closing twice is harmless',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist(append(command(1, 1)));
        await store.close();
        await store.close();
        const { durable } = await place.restart();
        expectSame(durable.entries, [command(1, 1)], 'the log after a restart');
      }),
  },
];
