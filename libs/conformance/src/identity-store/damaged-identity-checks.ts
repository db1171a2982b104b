import { LogStoreError } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import { commands, durableState, hardState, N1, N2 } from '../log-store/log-samples.js';
import { logIndex, term } from '@latchkey/raft';
import { onNewIdentityPlace, type DamageableIdentityStoreFactory } from './identity-store-place.js';

const PEER = {
  node: N2,
  storeId: 'two',
  epoch: 1,
  mark: 7,
  term: term(1),
  lastIndex: logIndex(1),
  knownIndex: logIndex(1),
};

/** A store whose log cannot be read any more still says who it is, and can be given up (FAILURE-MODES 29). */
export const damagedIdentityStoreChecks: readonly ConformanceCheck<DamageableIdentityStoreFactory>[] = [
  {
    name: 'a damaged store keeps its name and what it remembers, and is not new',
    run: (factory) =>
      onNewIdentityPlace(factory, async (place) => {
        const { logStore, identity } = await place.start();
        const { storeId, claims } = await identity.identify();
        await logStore.persist({ hardState: hardState(1, N1), truncateFrom: null, entries: commands(1, 3, 1) });
        await identity.rememberFounders([N1, N2]);
        await identity.rememberPeers([PEER]);
        await place.closeAll();
        await place.place.damage();
        const damaged = await place.open();
        const error = await expectFailure(() => damaged.logStore.load(), 'loading a damaged log');
        expectThat(error instanceof LogStoreError && error.code === 'corrupt', `it is corrupt (${String(error)})`);
        const found = await damaged.identity.identify();
        expectSame(
          [found.storeId, found.isNew, found.founders, found.peers, found.claims.slice(0, -1)],
          [storeId, false, [N1, N2], [PEER], claims],
          'who it is',
        );
      }),
  },
  {
    name: 'a damaged store that is given up is a new one, which can be loaded and written',
    run: (factory) =>
      onNewIdentityPlace(factory, async (place) => {
        const { logStore } = await place.start();
        await logStore.persist({ hardState: hardState(1, N1), truncateFrom: null, entries: commands(1, 3, 1) });
        await place.closeAll();
        await place.place.damage();
        const damaged = await place.open();
        await expectFailure(() => damaged.logStore.load(), 'loading a damaged log');
        await damaged.identity.startAnew({ storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) });
        expectSame(await damaged.logStore.load(), durableState(hardState(0), []), 'what is loaded then');
        await damaged.logStore.persist({ hardState: hardState(2), truncateFrom: null, entries: commands(1, 2, 2) });
        const { durable } = await place.restart();
        expectSame(durable, durableState(hardState(2), commands(1, 2, 2)), 'what a restart finds');
      }),
  },
];
