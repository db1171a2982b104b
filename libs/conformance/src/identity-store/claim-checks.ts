import { logIndex } from '@latchkey/raft';
import { MAX_KEPT_CLAIMS, MAX_REMEMBERED_CLAIMS, type ClaimMark } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame, expectThat } from '../expectations.js';
import { append, command, commands } from '../log-store/log-samples.js';
import {
  check,
  onNewIdentityPlace,
  type IdentityStoreFactory,
  type StartedIdentityStores,
} from './identity-store-place.js';

const RESTARTS = 3;
const OVERLAPPING_WRITES = 10;
const NO_EPOCH = 2 ** 40;
const ANEW = { storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) };

/** By which claims a store is known: a store that was set back makes other ones than it made before (FAILURE-MODES 32). */
export function claimChecks(): readonly ConformanceCheck<IdentityStoreFactory>[] {
  return [
    check(
      'each process adds a claim, with its epoch and a mark of its own, and forgets none before it',
      async (place) => {
        const claims: ClaimMark[] = [];
        let stores = await place.start();
        for (let count = 0; count <= RESTARTS; count += 1) {
          const found = await stores.identity.identify();
          expectSame(found.claims.slice(0, -1), claims, 'the claims of the processes before');
          expectSame(found.claims.at(-1)?.epoch, found.epoch, 'the epoch of the present claim');
          claims.push(...found.claims.slice(claims.length));
          stores = await place.restart();
        }
        expectDistinctMarks(claims);
      },
    ),
    check('a claim has one mark, however often it is asked for, and each load makes another claim', async (place) => {
      const { logStore, identity } = await place.start();
      const { claims } = await identity.identify();
      expectSame((await identity.identify()).claims, claims, 'the claims, asked for once more');
      await logStore.load();
      const again = await identity.identify();
      expectSame(
        [again.claims.length, again.claims[0]],
        [claims.length + 1, claims[0]],
        'the claims after another load',
      );
      expectDistinctMarks(again.claims);
    }),
    check('marks are no function of the epoch: two stores have others', async (place, factory) => {
      const { claims } = await (await place.start()).identity.identify();
      await onNewIdentityPlace(factory, async (other) => {
        const { claims: others } = await (await other.start()).identity.identify();
        expectDistinctMarks([...claims, ...others]);
      });
    }),
    ...limitChecks(),
    check('a claim can be kept while the log is written', async (place) => {
      const { logStore, identity } = await place.start();
      const kept = identity.keepClaim((await identity.identify()).epoch);
      for (let index = 1; index <= OVERLAPPING_WRITES; index += 1) await logStore.persist(append(command(index, 1)));
      await kept;
      expectSame((await place.restart()).durable.entries, commands(1, OVERLAPPING_WRITES, 1), 'the log');
    }),
    check('the claims of a history that is given up are gone, kept or not', async (place) => {
      const stores = await place.start();
      const { claims, epoch } = await stores.identity.identify();
      await stores.identity.keepClaim(epoch);
      await stores.identity.startAnew(ANEW);
      await stores.logStore.load();
      const anew = await stores.identity.identify();
      expectSame(anew.claims.at(-1)?.epoch, anew.epoch, 'the epoch of the present claim');
      expectDistinctMarks([...claims, ...anew.claims]);
      const marks = (await (await place.restart()).identity.identify()).claims;
      expectSame(marks.slice(0, anew.claims.length), anew.claims, 'the claims after a restart');
    }),
  ];
}

function limitChecks(): readonly ConformanceCheck<IdentityStoreFactory>[] {
  return [
    check('the latest claims are remembered, and no more of them than is allowed', async (place) => {
      const stores = await place.start();
      const [first] = (await stores.identity.identify()).claims;
      await claimTimes(stores, MAX_REMEMBERED_CLAIMS - 1);
      const { claims } = await stores.identity.identify();
      expectSame([claims.length, claims[0]], [MAX_REMEMBERED_CLAIMS, first], 'the number of claims, and the first');
      await stores.logStore.load();
      const later = await (await place.restart()).identity.identify();
      expectSame(later.claims.slice(0, -2), claims.slice(2), 'the claims that are left of those');
      const [count, last] = [later.claims.length, later.claims.at(-1)];
      expectSame([count, last?.epoch], [claims.length, later.epoch], 'their number, and the epoch of the last');
    }),
    check('those that were kept outlive them, the latest ones of these', async (place) => {
      const stores = await place.start();
      await claimTimes(stores, MAX_KEPT_CLAIMS + 1);
      // One more than is allowed, and one between them that is not kept.
      const kept = (await stores.identity.identify()).claims.filter((_claim, at) => at !== MAX_KEPT_CLAIMS - 1);
      for (const { epoch } of kept) await stores.identity.keepClaim(epoch);
      await stores.identity.keepClaim(kept[0]?.epoch ?? 0);
      await stores.identity.keepClaim(NO_EPOCH);
      await claimTimes(stores, MAX_REMEMBERED_CLAIMS);
      const { claims } = await (await place.restart()).identity.identify();
      expectSame(claims.slice(0, MAX_KEPT_CLAIMS), kept.slice(-MAX_KEPT_CLAIMS), 'the claims that were kept');
      expectSame(claims.length, MAX_KEPT_CLAIMS + MAX_REMEMBERED_CLAIMS, 'the number of all');
    }),
  ];
}

/** As a node does whose database fails again and again. */
async function claimTimes({ logStore }: StartedIdentityStores, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await logStore.load();
}

function expectDistinctMarks(claims: readonly ClaimMark[]): void {
  const marks = claims.map(({ mark }) => mark);
  expectThat(
    marks.every((mark) => Number.isSafeInteger(mark) && mark >= 0),
    `natural numbers (${marks.join(', ')})`,
  );
  expectThat(new Set(marks).size === marks.length, `each claim has its own (${marks.join(', ')})`);
}
