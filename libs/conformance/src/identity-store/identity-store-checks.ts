import { logIndex, nodeId, term } from '@latchkey/raft';
import { LogStoreError, type IdentityStore, type PeerRecord, type StoreIdentity } from '@latchkey/replica';
import { changesOf, row, savedRows, snapshotMeta } from '../checkpoint-store/checkpoint-samples.js';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import {
  append,
  command,
  commands,
  durableState,
  hardState,
  N1,
  N2,
  N3,
  position,
  vote,
} from '../log-store/log-samples.js';
import { claimChecks } from './claim-checks.js';
import { check, onNewIdentityPlace, type IdentityStoreFactory, type IdentityStores } from './identity-store-place.js';

const FOUNDERS = [N1, N2, N3];
const OVERLAPPING_CALLS = 20;
/** Beyond 2^32, where numbers of 32 bits end. */
const LARGE_INDEX = 2 ** 40 + 1;
const LARGE_TERM = 2 ** 33 + 1;
const LARGE_EPOCH = 2 ** 34 + 1;
const LARGE_MARK = 2 ** 48 - 2;

/** Who a store is, and what it remembers of the others (FAILURE-MODES 32). */
export const identityStoreChecks: readonly ConformanceCheck<IdentityStoreFactory>[] = [
  check('a new store says so, remembers nobody, and has a name of its own', async (place, factory) => {
    const { identity } = await place.start();
    const { storeId, ...found } = await identity.identify();
    const { isNew, wantsVoteBack, founders, joinedIndex, lost, peers } = found;
    expectSame(
      { isNew, wantsVoteBack, founders, joinedIndex, lost, peers },
      { ...NOTHING, isNew: true },
      'what a new store says',
    );
    expectThat(storeId.length > 0, 'its name is not empty');
    await onNewIdentityPlace(factory, async (other) => {
      const names = [storeId, (await (await other.start()).identity.identify()).storeId];
      expectThat(names[0] !== names[1], `two stores have two names (${names.join(', ')})`);
    });
  }),
  check('the name stays over restarts, and the epoch grows with each', async (place) => {
    const first = await (await place.start()).identity.identify();
    const second = await (await place.restart()).identity.identify();
    const third = await (await place.restart()).identity.identify();
    expectSame([second.storeId, third.storeId], [first.storeId, first.storeId], 'the names');
    expectThat(first.epoch < second.epoch && second.epoch < third.epoch, 'each epoch is above the one before');
    expectSame(third.isNew, true, 'whether a store that was only loaded is new');
  }),
  check('a second owner that takes over from a living one has a higher epoch', async (place) => {
    const older = await (await place.start()).identity.identify();
    const younger = await (await place.start()).identity.identify();
    expectThat(younger.epoch > older.epoch, `${younger.epoch} is above ${older.epoch}`);
  }),
  ...notNewChecks(),
  check('what is remembered comes back after a restart, and does not make the store old', async (place) => {
    const { identity } = await place.start();
    await identity.rememberFounders(FOUNDERS);
    await identity.rememberPeers([record(N2, { storeId: 'two' }), record(N3, { storeId: 'three' })]);
    const found = await identified(await place.restart());
    expectSame(found.founders, FOUNDERS, 'the founders');
    expectSame(found.peers, [record(N2, { storeId: 'two' }), record(N3, { storeId: 'three' })], 'the peers');
    expectSame(found.isNew, true, 'whether it is new');
  }),
  check('where it joined is remembered, the latest place, and does not make the store old', async (place) => {
    const { identity } = await place.start();
    await identity.rememberJoined(logIndex(LARGE_INDEX));
    await identity.rememberJoined(logIndex(3));
    const { joinedIndex, isNew } = await identified(await place.restart());
    expectSame([joinedIndex, isNew], [logIndex(LARGE_INDEX), true], 'where it joined, and whether it is new');
  }),
  check('a record replaces the one of the same node alone, and keeps every digit', async (place) => {
    const { identity } = await place.start();
    await identity.rememberPeers([record(N2), record(N3)]);
    const newer = record(N2, {
      storeId: "it's another; --",
      epoch: LARGE_EPOCH,
      mark: LARGE_MARK,
      term: term(LARGE_TERM),
      lastIndex: logIndex(LARGE_INDEX),
      knownIndex: logIndex(LARGE_INDEX - 1),
    });
    await identity.rememberPeers([newer]);
    await identity.rememberPeers([]);
    expectSame((await identified(await place.restart())).peers, [newer, record(N3)], 'the records');
  }),
  check('a record is what it was told last, also when that is less', async (place) => {
    const { identity } = await place.start();
    await identity.rememberPeers([record(N2, { epoch: 9, mark: 9, lastIndex: logIndex(9), knownIndex: logIndex(9) })]);
    await identity.rememberPeers([record(N2, { epoch: 2, mark: null, lastIndex: logIndex(1) })]);
    const { peers } = await identified(await place.restart());
    expectSame(peers, [record(N2, { epoch: 2, mark: null, lastIndex: logIndex(1) })], 'the record');
  }),
  check('a node that has left is forgotten, and can be remembered anew', async (place) => {
    const { identity } = await place.start();
    await identity.rememberPeers([record(N1), record(N2), record(N3)]);
    await identity.forgetPeers([N2, nodeId('never-seen')]);
    await identity.forgetPeers([]);
    expectSame((await identified(await place.restart())).peers, [record(N1), record(N3)], 'the records');
    const { identity: again } = await place.restart();
    await again.rememberPeers([record(N2, { storeId: 'new' })]);
    const { peers } = await identified(await place.restart());
    expectSame(peers, [record(N1), record(N2, { storeId: 'new' }), record(N3)], 'the records at the end');
  }),
  check('peers can be remembered while the log is written', async (place) => {
    const { logStore, identity } = await place.start();
    const calls: Promise<void>[] = [];
    for (let index = 1; index <= OVERLAPPING_CALLS; index += 1) {
      calls.push(identity.rememberPeers([record(N2, { lastIndex: logIndex(index) })]));
      await logStore.persist(append(command(index, 1)));
    }
    await Promise.all(calls);
    const stores = await place.restart();
    expectSame(stores.durable.entries, commands(1, OVERLAPPING_CALLS, 1), 'the log');
    const { peers } = await identified(stores);
    expectSame(peers, [record(N2, { lastIndex: logIndex(OVERLAPPING_CALLS) })], 'the record: the last one told');
  }),
  ...claimChecks(),
  ...startAnewChecks(),
  check('what is marked as lost stays lost, for the first reason, until a new history begins', async (place) => {
    const { identity } = await place.start();
    await identity.rememberFounders(FOUNDERS);
    await identity.rememberPeers([record(N2)]);
    await identity.markLost('diverged');
    await identity.markLost('corrupt');
    const stores = await place.restart();
    const { founders, lost, peers } = await identified(stores);
    expectSame(
      { founders, lost, peers },
      { founders: FOUNDERS, lost: 'diverged', peers: [record(N2)] },
      'what is said',
    );
    await stores.identity.startAnew({ storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) });
    expectSame((await identified(await place.restart())).lost, null, 'why the new history is lost');
  }),
  check('that a vote is wanted back is remembered, and what was remembered of this node is not', async (place) => {
    const { identity } = await place.start();
    await identity.rememberFounders(FOUNDERS);
    await identity.rememberPeers([record(N1), record(N2)]);
    await identity.wantVoteBack(N1);
    await identity.wantVoteBack(N1);
    const { founders, peers, wantsVoteBack } = await identified(await place.restart());
    expectSame(
      { founders, peers, wantsVoteBack },
      { founders: FOUNDERS, peers: [record(N2)], wantsVoteBack: true },
      'what is said',
    );
  }),
  check('a store that wants its vote back can found a cluster', async (place) => {
    const { identity } = await place.start();
    await identity.wantVoteBack(N1);
    await identity.rememberFounders(FOUNDERS);
    const { founders, wantsVoteBack } = await identified(await place.restart());
    expectSame({ founders, wantsVoteBack }, { founders: FOUNDERS, wantsVoteBack: true }, 'what is said');
  }),
  check('a store can be marked as lost while its log is written', async (place) => {
    const { logStore, identity } = await place.start();
    const marked = identity.markLost('corrupt');
    for (let index = 1; index <= OVERLAPPING_CALLS; index += 1) await logStore.persist(append(command(index, 1)));
    await marked;
    const stores = await place.restart();
    expectSame(stores.durable.entries, commands(1, OVERLAPPING_CALLS, 1), 'the log');
    expectSame((await identified(stores)).lost, 'corrupt', 'why it is lost');
  }),
  check('a younger process fences every call of the older one, none of which changes anything', async (place) => {
    const older = await place.start();
    await fillStores(older);
    const younger = await place.start();
    const before = await identified(younger);
    const calls: Readonly<Record<string, (identity: IdentityStore) => Promise<unknown>>> = {
      keepClaim: (identity) => identity.keepClaim(before.epoch),
      rememberFounders: (identity) => identity.rememberFounders([N1]),
      rememberJoined: (identity) => identity.rememberJoined(logIndex(7)),
      rememberPeers: (identity) => identity.rememberPeers([record(N3)]),
      forgetPeers: (identity) => identity.forgetPeers([N2]),
      markLost: (identity) => identity.markLost('corrupt'),
      wantVoteBack: (identity) => identity.wantVoteBack(N1),
      startAnew: (identity) => identity.startAnew({ storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await expectFailure(() => call(older.identity), `${name} of the older process`);
      expectThat(error instanceof LogStoreError, `the refusal of ${name} is a LogStoreError (${String(error)})`);
      expectSame(error.code, 'fenced', `its code (${name})`);
    }
    expectSame(await identified(younger), before, 'what the younger one is');
    expectSame((await younger.logStore.load()).entries, commands(1, 3, 1), 'its log');
  }),
];

const NOTHING = {
  isNew: false,
  wantsVoteBack: false,
  founders: null,
  joinedIndex: logIndex(0),
  lost: null,
  peers: [],
};

function notNewChecks(): ConformanceCheck<IdentityStoreFactory>[] {
  const writes: Readonly<Record<string, (stores: IdentityStores) => Promise<void>>> = {
    'has a term': ({ logStore }) => logStore.persist(vote(hardState(1))),
    'has given its vote': ({ logStore }) => logStore.persist(vote(hardState(1, N2))),
    'has an entry': ({ logStore }) => logStore.persist(append(command(1, 1))),
    'has nothing but a snapshot': async ({ checkpoints }) => {
      const staging = await checkpoints.stageSnapshot(snapshotMeta(5));
      await staging.append([row('a', 1)]);
      await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
    },
  };
  return Object.entries(writes).map(([what, write]) =>
    check(`a store that ${what} is not new`, async (place) => {
      await write(await place.start());
      expectSame((await identified(await place.restart())).isNew, false, 'whether it is new');
    }),
  );
}

function startAnewChecks(): ConformanceCheck<IdentityStoreFactory>[] {
  return [
    check('a history that is given up is gone for the log, the checkpoint and the founders', async (place) => {
      const stores = await place.start();
      await fillStores(stores);
      await stores.identity.startAnew({ storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(9) });
      const restarted = await place.restart();
      expectSame(restarted.durable, durableState(hardState(0), []), 'what is loaded');
      expectThat((await restarted.checkpoints.openView()) === null, 'there is no checkpoint');
      const { storeId, isNew, wantsVoteBack, founders, joinedIndex } = await identified(restarted);
      const expected = { storeId: 'anew', isNew: true, wantsVoteBack: true, founders: [], joinedIndex: logIndex(9) };
      expectSame({ storeId, isNew, wantsVoteBack, founders, joinedIndex }, expected, 'who it is');
    }),
    check('what is remembered of the others outlives the history', async (place) => {
      const stores = await place.start();
      await fillStores(stores);
      await stores.identity.startAnew({ storeId: 'anew', wantsVoteBack: false, joinedIndex: logIndex(0) });
      const found = await identified(await place.restart());
      expectSame([found.peers, found.wantsVoteBack], [[record(N2)], false], 'the records, and whether it wants a vote');
    }),
    check('the owner goes on with the new history once it has loaded again', async (place) => {
      const stores = await place.start();
      await fillStores(stores);
      await stores.identity.startAnew({ storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) });
      expectSame(await stores.logStore.load(), durableState(hardState(0), []), 'the load of the owner');
      await stores.logStore.persist({ hardState: hardState(1), truncateFrom: null, entries: commands(1, 4, 1) });
      await stores.checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('z', 7)]) });
      await stores.checkpoints.compactLog(position(1, 1));
      const restarted = await place.restart();
      expectSame(restarted.durable.entries, commands(2, 4, 1), 'the log');
      expectSame(await savedRows(restarted.checkpoints), [row('z', 7)], 'rows: none of the old ones are there');
      const { storeId, isNew, wantsVoteBack } = await identified(restarted);
      expectSame([storeId, isNew, wantsVoteBack], ['anew', false, true], 'who it is');
    }),
    check('a history can be given up more than once', async (place) => {
      const stores = await place.start();
      await stores.identity.startAnew({ storeId: 'second', wantsVoteBack: true, joinedIndex: logIndex(0) });
      await stores.logStore.load();
      await fillLog(stores);
      await stores.identity.startAnew({ storeId: 'third', wantsVoteBack: false, joinedIndex: logIndex(0) });
      const restarted = await place.restart();
      expectSame(restarted.durable, durableState(hardState(0), []), 'what is loaded');
      const { storeId, wantsVoteBack } = await identified(restarted);
      expectSame([storeId, wantsVoteBack], ['third', false], 'who it is');
    }),
    check('a snapshot that was on its way in does not come back after the history', async (place) => {
      const stores = await place.start();
      await fillStores(stores);
      const staging = await stores.checkpoints.stageSnapshot(snapshotMeta(9));
      await staging.append([row('staged', 1)]);
      await stores.identity.startAnew({ storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) });
      const restarted = await place.restart();
      const again = await restarted.checkpoints.stageSnapshot(snapshotMeta(4));
      await again.append([row('fresh', 2)]);
      await restarted.checkpoints.installSnapshot({ staging: again, hardState: null, keepsTail: false });
      expectSame(await savedRows(restarted.checkpoints), [row('fresh', 2)], 'the rows');
    }),
  ];
}

/** Three entries, a checkpoint of two rows, a compacted head, founders and one peer. */
async function fillStores(stores: IdentityStores): Promise<void> {
  await fillLog(stores);
  const rows = [row('a', 1), row('b', 2)];
  await stores.checkpoints.save({ meta: snapshotMeta(2), changes: changesOf(rows) });
  await stores.identity.rememberFounders(FOUNDERS);
  await stores.identity.rememberPeers([record(N2)]);
}

async function fillLog({ logStore }: IdentityStores): Promise<void> {
  await logStore.persist({ hardState: hardState(1, N1), truncateFrom: null, entries: commands(1, 3, 1) });
}

function record(node: PeerRecord['node'], seen: Partial<PeerRecord> = {}): PeerRecord {
  const position = { term: term(1), lastIndex: logIndex(1), knownIndex: logIndex(1) };
  return { node, storeId: `store of ${node}`, epoch: 1, mark: 1, ...position, ...seen };
}

/** Peers in the order of their names: a store may give them in any. */
async function identified({ identity }: Pick<IdentityStores, 'identity'>): Promise<StoreIdentity> {
  const found = await identity.identify();
  return { ...found, peers: [...found.peers].sort((one, two) => (one.node < two.node ? -1 : 1)) };
}
