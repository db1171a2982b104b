import { logIndex, nodeId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import {
  GIVE_UP_MS,
  MANY_ROWS,
  SNAPSHOT_AT,
  ended,
  expectClean,
  rowsOf,
  untilEnded,
  worldWith,
} from './test-support/snapshot-story.js';
import { HEARTBEAT_MS, LEADER, TransferWorld } from './test-support/transfer-world.js';

describe('a snapshot on its way in', () => {
  it('that is not needed any more is complete at once', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.peer.appliedIndex = logIndex(SNAPSHOT_AT);
    world.begin();
    expect(await untilEnded(world)).toEqual([true]);
    expect(world.chunks).toHaveLength(1);
    expect(world.peer.store.stagings).toEqual([]);
  });

  it('that the node outruns by its log on the way is complete and dropped', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => (world.peer.store.stagings[0]?.rows.length ?? 0) > 20);
    world.peer.appliedIndex = logIndex(SNAPSHOT_AT + 1);
    expect(await untilEnded(world)).toEqual([true]);
    expect(world.peer.offers).toEqual([]);
    await expectClean(world);
  });

  it.each([
    ['installed', true],
    ['notNeeded', true],
    ['lost', false],
  ] as const)('that ends as %s is answered as delivered: %s', async (end, delivered) => {
    const world = worldWith(rowsOf(1));
    world.onOffer = (offer) => offer.onEnded(end);
    world.begin();
    expect(await untilEnded(world)).toEqual([delivered]);
  });

  it('that was damaged is refused and dropped, with a warning', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.altered = (chunk) =>
      chunk.sequence === 4 ? { ...chunk, data: chunk.data.slice().fill(255, 100, 101) } : chunk;
    world.begin();
    expect(await untilEnded(world)).toEqual([false]);
    expect(world.peer.warnings).toEqual(['an incoming snapshot was dropped: its checksum is wrong']);
    await expectClean(world);
  });

  it('whose rows the store refuses is refused, with a warning', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.peer.store.worksFor = 3;
    world.begin();
    expect(await untilEnded(world)).toEqual([false]);
    expect(world.peer.warnings).toEqual(['an incoming snapshot was dropped: the store does not answer']);
    await expectClean(world);
  });

  it('ends the node when its store is claimed by another process, FAILURE-MODES 33', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.peer.store.worksFor = 2;
    world.peer.store.failure = 'fenced';
    world.begin();
    await world.clock.advance(HEARTBEAT_MS);
    expect(world.peer.failure).toMatchObject({ code: 'fenced' });
  });

  it('gives way to one of a later leader, and not to one of an earlier', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => world.chunks.length > 3);
    const [first] = world.chunks;
    if (first === undefined) throw new Error('no chunk');
    const foreign = { ...first, transferId: first.transferId + 1_000 };
    world.deliverToPeer({ ...foreign, leaderTerm: term(2) });
    expect(world.peer.observed).toEqual(['in begun']);
    world.peerView = { role: 'follower', term: term(4), leaderId: nodeId('n3') };
    world.peer.transfers.takeChunk(nodeId('n3'), { ...foreign, leaderTerm: term(4) }, world.peerView);
    expect(world.peer.observed).toEqual(['in begun', 'in failed', 'in begun']);
    expect(await untilEnded(world)).toEqual([false]);
  });

  it('that is replaced while the store is busy is discarded before the next is staged', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.peer.store.delayMs = HEARTBEAT_MS;
    world.begin();
    await world.clock.until(() => (world.peer.store.stagings[0]?.rows.length ?? 0) > 20);
    const [first] = world.chunks;
    if (first === undefined) throw new Error('no chunk');
    world.peerView = { role: 'follower', term: term(4), leaderId: nodeId('n3') };
    const foreign = { ...first, transferId: first.transferId + 1_000, leaderTerm: term(4) };
    world.peer.transfers.takeChunk(nodeId('n3'), foreign, world.peerView);
    await world.clock.advance(10 * HEARTBEAT_MS);
    expect(world.peer.store.stagings.map(({ isDiscarded }) => isDiscarded)).toEqual([true, false]);
    expect(world.peer.store.overlaps).toBe(0);
    await expectClean(world);
  });

  it('whose beginning went to an earlier process is refused at once', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => world.chunks.length > 4);
    const restarted = new TransferWorld();
    const chunk = world.chunks[4];
    if (chunk !== undefined) restarted.deliverToPeer(chunk);
    expect(restarted.peer.observed).toEqual([]);
    expect(restarted.answers.map(({ state }) => state)).toEqual(['refused']);
  });

  it('of a node that does not lead in that term is refused', async () => {
    const world = worldWith(rowsOf(1));
    world.peerView = { ...world.peerView, leaderId: nodeId('n3') };
    world.begin();
    expect(await untilEnded(world)).toEqual([false]);
    expect(world.peer.observed).toEqual([]);
  });

  it('waits behind one that is being installed, and is then not needed', async () => {
    const world = worldWith(rowsOf(1));
    const offers: Parameters<typeof world.onOffer>[0][] = [];
    world.onOffer = (offer) => offers.push(offer);
    world.begin();
    await world.clock.until(() => offers.length === 1);
    world.leader.transfers.leaderChanged({ role: 'leader', term: term(4), leaderId: LEADER });
    world.leaderView = { role: 'leader', term: term(4), leaderId: LEADER };
    world.peerView = { role: 'follower', term: term(4), leaderId: LEADER };
    world.begin();
    await world.clock.advance(GIVE_UP_MS / 2);
    expect(ended(world)).toEqual([]);
    for (const offer of offers) world.install(offer);
    expect(await untilEnded(world)).toEqual([true]);
    expect(world.peer.store.stagings).toHaveLength(1);
  });

  it('is not begun again by a late copy of its first chunk', async () => {
    const world = worldWith(rowsOf(1));
    world.onOffer = (offer) => offer.onEnded('lost');
    world.begin();
    expect(await untilEnded(world)).toEqual([false]);
    const [first] = world.chunks;
    if (first !== undefined) world.deliverToPeer(first);
    expect(world.peer.observed.filter((event) => event === 'in begun')).toHaveLength(1);
  });
});
