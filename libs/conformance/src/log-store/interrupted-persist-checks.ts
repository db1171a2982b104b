import { LogStoreError } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import { append, command, commands, durableState, hardState, N1 } from './log-samples.js';
import { onNewPlace, type InterruptibleLogStoreFactory } from './log-store-place.js';

/** What must hold after a connection was lost in the middle of a write (FAILURE-MODES 27). */
export const interruptedPersistChecks: readonly ConformanceCheck<InterruptibleLogStoreFactory>[] = [
  {
    name: 'after a persist of unknown outcome a load tells whether all of it or nothing is durable',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist(append(...commands(1, 2, 1)));
        await place.place.interruptNextPersist(store);
        const batch = { hardState: hardState(2, N1), truncateFrom: null, entries: commands(3, 4, 2) };
        const error = await expectFailure(() => store.persist(batch), 'an interrupted persist');
        expectThat(error instanceof LogStoreError, `the error is a LogStoreError (${String(error)})`);
        expectThat(
          error.code === 'outcomeUnknown' || error.code === 'unavailable',
          `its code allows to load (${error.code})`,
        );
        const durable = await store.load();
        const before = durableState(hardState(0), commands(1, 2, 1));
        const after = durableState(hardState(2, N1), [...commands(1, 2, 1), ...commands(3, 4, 2)]);
        expectSame(durable, durable.hardState.currentTerm === 0 ? before : after, 'the state after the interruption');
        await store.persist(append(command(durable.entries.length + 1, 2)));
        const restarted = await place.restart();
        expectSame(restarted.durable.entries.length, durable.entries.length + 1, 'entries after writing on');
      }),
  },
];
