import { expectSame } from '../expectations.js';
import type { ConformanceCheck } from '../conformance-check.js';
import { append, command, commands, durableState, hardState, N1, N2, vote } from './log-samples.js';
import { onNewPlace, type LogStoreFactory } from './log-store-place.js';

/** Term and vote (Raft Figure 2, persistent state). */
export const hardStateChecks: readonly ConformanceCheck<LogStoreFactory>[] = [
  {
    name: 'a new store has term 0, no vote and no entries',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { durable } = await place.start();
        expectSame(durable, durableState(hardState(0), []), 'the state of a new store');
      }),
  },
  {
    name: 'term and vote are there after a restart, so that no node votes twice in a term',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist(vote(hardState(7, N2)));
        const { durable } = await place.restart();
        expectSame(durable, durableState(hardState(7, N2), []), 'the state after a restart');
      }),
  },
  {
    name: 'the newest of several votes is the one that is kept, also "no vote" in a new term',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist(vote(hardState(1, N1)));
        await store.persist(vote(hardState(2, N2)));
        await store.persist(vote(hardState(3)));
        const { durable } = await place.restart();
        expectSame(durable.hardState, hardState(3), 'the hard state after a restart');
      }),
  },
  {
    name: 'an append without a hard state leaves term and vote alone',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        await store.persist({ hardState: hardState(4, N1), truncateFrom: null, entries: [command(1, 4)] });
        await store.persist(append(...commands(2, 3, 4)));
        const { durable } = await place.restart();
        expectSame(durable, durableState(hardState(4, N1), commands(1, 3, 4)), 'the state after a restart');
      }),
  },
  {
    name: 'terms beyond 32 bits come back as the same number',
    run: (factory) =>
      onNewPlace(factory, async (place) => {
        const { store } = await place.start();
        const farTerm = 2 ** 40 + 9;
        await store.persist({ hardState: hardState(farTerm, N1), truncateFrom: null, entries: [command(1, farTerm)] });
        const { durable } = await place.restart();
        expectSame(durable, durableState(hardState(farTerm, N1), [command(1, farTerm)]), 'the far term');
      }),
  },
];
