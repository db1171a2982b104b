import { logIndex, nodeId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import {
  MAX_OUTGOING_SNAPSHOTS,
  MAX_SNAPSHOT_CHUNK_BYTES,
  MAX_SNAPSHOT_CHUNKS_IN_FLIGHT,
  MAX_SNAPSHOT_CHUNKS_TO_STAGE,
  SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS,
  SNAPSHOT_IDLE_ELECTION_TIMEOUTS,
  SNAPSHOT_INSTALL_ELECTION_TIMEOUTS,
  SNAPSHOT_RETRANSMIT_HEARTBEATS,
} from './limits.js';
import type { StateRow } from './ports/checkpoint-store.js';
import { metaAt } from './test-support/fake-checkpoints.js';
import { ELECTION_TIMEOUT_MS, HEARTBEAT_MS, LEADER, PEER, TransferWorld } from './test-support/transfer-world.js';

const SNAPSHOT_AT = 50;
const ROW_BYTES = 100 * 1024;
/** Of the rows of these tests, in the stream: lengths and key. */
const ROW_OVERHEAD_BYTES = 18;
const GIVE_UP_MS = SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS;
const MANY_ROWS = 60;

const rowsOf = (count: number, valueBytes = ROW_BYTES): StateRow[] =>
  Array.from({ length: count }, (_, number) => ({
    key: Buffer.from(`key ${String(number).padStart(6, '0')}`),
    value: Buffer.alloc(valueBytes, number),
  }));

function worldWith(rows: readonly StateRow[]): TransferWorld {
  const world = new TransferWorld();
  world.leader.store.checkpoint = { meta: metaAt(SNAPSHOT_AT), rows };
  return world;
}

const ended = (world: TransferWorld): unknown[] =>
  world.leader.given.map((input) => (input.type === 'snapshotTransferEnded' ? input.delivered : input));

const installed = (world: TransferWorld): readonly StateRow[] | undefined =>
  world.peer.store.stagings.find(({ isInstalled }) => isInstalled)?.rows;

/** Byte for byte; without a difference of megabytes on the screen. */
function expectSame(arrived: readonly StateRow[] | undefined, sent: readonly StateRow[]): void {
  const isSame = ({ key, value }: StateRow, number: number): boolean =>
    Buffer.compare(key, sent[number]?.key ?? new Uint8Array(0)) === 0 &&
    Buffer.compare(value, sent[number]?.value ?? new Uint8Array(0)) === 0;
  expect(arrived?.length).toBe(sent.length);
  expect(arrived?.every(isSame)).toBe(true);
}

async function untilEnded(world: TransferWorld): Promise<unknown[]> {
  await world.clock.until(() => world.leader.given.length > 0, 100 * GIVE_UP_MS);
  return ended(world);
}

/** Nothing may be left behind at either end: no open view, no forgotten staging, no failure. */
async function expectClean(world: TransferWorld): Promise<void> {
  await world.clock.advance(2 * SNAPSHOT_IDLE_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS);
  expect(world.leader.store.views.every(({ isClosed }) => isClosed)).toBe(true);
  expect(world.peer.store.stagings.every(({ isDiscarded, isInstalled }) => isDiscarded !== isInstalled)).toBe(true);
  expect([world.leader.failure, world.peer.failure]).toEqual([null, null]);
  expect(world.leader.transfers.nextDeadlineMs()).toBe(Infinity);
  expect(world.peer.transfers.nextDeadlineMs()).toBe(Infinity);
}

describe('a snapshot on its way to a peer', () => {
  it.each([
    ['no row at all', 0, 0, 1],
    ['rows that fit into one chunk', 3, 10, 1],
    ['a row that fills one chunk to its last byte', 1, MAX_SNAPSHOT_CHUNK_BYTES - ROW_OVERHEAD_BYTES, 1],
    ['a row of three chunks', 1, 2.5 * MAX_SNAPSHOT_CHUNK_BYTES, 3],
    ['many rows', MANY_ROWS, ROW_BYTES, 24],
  ])('arrives row by row: %s', async (_what, count, valueBytes, chunkCount) => {
    const rows = rowsOf(count, valueBytes);
    const world = worldWith(rows);
    world.begin();
    expect(await untilEnded(world)).toEqual([true]);
    expectSame(installed(world), rows);
    expect(world.chunks).toHaveLength(chunkCount);
    expect(world.chunks.every(({ data }) => data.byteLength <= MAX_SNAPSHOT_CHUNK_BYTES)).toBe(true);
    expect([world.leader.observed, world.peer.observed]).toEqual([
      ['out begun', 'out completed'],
      ['in begun', 'in completed'],
    ]);
    await expectClean(world);
  });

  it('names the place of the checkpoint that is sent, which may be later than the one asked for', async () => {
    const world = worldWith(rowsOf(1));
    world.leader.transfers.send(PEER, metaAt(SNAPSHOT_AT - 10), world.leaderView);
    expect(await untilEnded(world)).toEqual([true]);
    expect(world.peer.offers.map(({ staging }) => staging.snapshot)).toEqual([metaAt(SNAPSHOT_AT)]);
  });

  it('is read from the store no faster than the peer takes it', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.peer.store.delayMs = 50;
    world.begin();
    const ahead = (MAX_SNAPSHOT_CHUNKS_IN_FLIGHT + 2) * MAX_SNAPSHOT_CHUNK_BYTES;
    await world.clock.until(() => {
      const read = world.leader.store.views[0]?.readByteCount ?? 0;
      const staged = world.peer.store.stagings[0]?.rows.length ?? 0;
      expect(read - staged * ROW_BYTES).toBeLessThanOrEqual(ahead);
      return world.leader.given.length > 0;
    });
    expect(ended(world)).toEqual([true]);
  });

  it('goes on where it stopped when a lost connection comes back', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => (world.peer.store.stagings[0]?.rows.length ?? 0) > 20);
    world.setConnected(false);
    const sentBefore = world.chunks.length;
    await world.clock.advance(GIVE_UP_MS / 2);
    expect(world.chunks).toHaveLength(sentBefore);
    world.setConnected(true);
    expect(await untilEnded(world)).toEqual([true]);
    const repeated = world.chunks.slice(sentBefore).filter(({ sequence }) => sequence < sentBefore);
    expect(repeated.length).toBeLessThanOrEqual(MAX_SNAPSHOT_CHUNKS_IN_FLIGHT);
    expect(world.leader.store.views).toHaveLength(1);
  });

  it('goes on at once when a repeat shows that only the answers were lost', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => (world.peer.store.stagings[0]?.rows.length ?? 0) > 20);
    const plain = world.fateOf;
    world.fateOf = (message) => (message.type === 'snapshotProgress' ? [] : plain(message));
    await world.clock.advance(HEARTBEAT_MS);
    world.fateOf = plain;
    const healedAtMs = world.clock.nowMs();
    expect(await untilEnded(world)).toEqual([true]);
    expect(world.clock.nowMs() - healedAtMs).toBeLessThan(2 * SNAPSHOT_RETRANSMIT_HEARTBEATS * HEARTBEAT_MS);
  });

  it('is given up when the connection stays away, and the peer drops what it has', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => (world.peer.store.stagings[0]?.rows.length ?? 0) > 20);
    world.setConnected(false);
    expect(await untilEnded(world)).toEqual([false]);
    await expectClean(world);
    expect(world.peer.warnings).toEqual(['an incoming snapshot was dropped: its sender has gone silent']);
  });

  it('ends at once when the peer has lost what it had', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => (world.peer.store.stagings[0]?.rows.length ?? 0) > 20);
    await world.peer.transfers.reset();
    const lostAtMs = world.clock.nowMs();
    expect(await untilEnded(world)).toEqual([false]);
    expect(world.clock.nowMs() - lostAtMs).toBeLessThan(HEARTBEAT_MS);
    world.begin();
    await world.clock.until(() => world.leader.given.length === 2);
    expect(ended(world)).toEqual([false, true]);
    await expectClean(world);
  });

  it('ends without a report when leadership ends', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => world.chunks.length > 3);
    world.leader.transfers.leaderChanged({ role: 'follower', term: term(4), leaderId: null });
    await expectClean(world);
    expect(ended(world)).toEqual([]);
  });

  it('sends its first chunk alone: what follows a chunk that never came could not be told from what was lost', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.fateOf = (message) => (message.type === 'snapshotProgress' ? [] : [1]);
    world.begin();
    await world.clock.advance(GIVE_UP_MS / 2);
    expect(new Set(world.chunks.map(({ sequence }) => sequence))).toEqual(new Set([0]));
    expect(world.chunks.length).toBeGreaterThan(1);
  });

  it('is not begun twice when it is asked for twice', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.begin();
    await world.clock.until(() => world.chunks.length > 3);
    world.begin();
    expect(await untilEnded(world)).toEqual([true]);
    expect(new Set(world.chunks.map(({ transferId }) => transferId)).size).toBe(1);
  });

  it('is asked for again and again while the peer installs it, and not for ever', async () => {
    const world = worldWith(rowsOf(1));
    world.onOffer = () => undefined;
    world.begin();
    await world.clock.advance(2 * GIVE_UP_MS);
    expect(ended(world)).toEqual([]);
    await world.clock.advance(SNAPSHOT_INSTALL_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS);
    expect(ended(world)).toEqual([false]);
  });

  it.each([0, 1, 4])(
    'fails with a warning when the store breaks after %i calls, and its view is closed',
    async (works) => {
      const world = worldWith(rowsOf(MANY_ROWS));
      world.leader.store.worksFor = works;
      world.begin();
      expect(await untilEnded(world)).toEqual([false]);
      expect(world.leader.warnings).toEqual(['a snapshot did not reach its peer: the store does not answer']);
      await expectClean(world);
    },
  );

  it('ends the node when its checkpoint is damaged: nobody could ever be brought up to date from it, FAILURE-MODES 29', async () => {
    const world = worldWith(rowsOf(MANY_ROWS));
    world.leader.store.worksFor = 2;
    world.leader.store.failure = 'corrupt';
    world.begin();
    await world.clock.advance(HEARTBEAT_MS);
    expect(world.leader.failure).toMatchObject({ code: 'corrupt' });
  });

  it('fails when there is no such checkpoint', async () => {
    const world = worldWith([]);
    world.leader.transfers.send(PEER, metaAt(SNAPSHOT_AT + 1), world.leaderView);
    expect(await untilEnded(world)).toEqual([false]);
    await expectClean(world);
  });

  it('asks a store that hangs for no more than a few views, however often leadership changes', async () => {
    const world = worldWith(rowsOf(1));
    world.leader.store.delayMs = 100 * GIVE_UP_MS;
    for (let inTerm = 4; inTerm < 10; inTerm += 1) {
      world.leaderView = { role: 'leader', term: term(inTerm), leaderId: LEADER };
      world.leader.transfers.leaderChanged(world.leaderView);
      world.begin();
      await world.clock.advance(HEARTBEAT_MS);
    }
    expect(world.leader.store.openings).toBe(MAX_OUTGOING_SNAPSHOTS);
  });

  it('to a third peer waits until one of two has ended', async () => {
    const world = worldWith(rowsOf(1));
    world.fateOf = () => [];
    const peers = ['n2', 'n3', 'n4'].map(nodeId);
    for (const peer of peers) world.leader.transfers.send(peer, metaAt(SNAPSHOT_AT), world.leaderView);
    await world.clock.advance(GIVE_UP_MS / 2);
    expect(world.leader.store.views).toHaveLength(2);
    world.leader.schedule();
    await world.clock.advance(GIVE_UP_MS);
    expect(world.leader.store.views).toHaveLength(3);
  });
});

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

describe('snapshots on a bad link', () => {
  const SEEDS = 120;
  const MAX_ROWS = 24;
  const MAX_DELAY_MS = 60;

  async function story(seed: number): Promise<boolean> {
    const chance = chances(seed);
    const rows = rowsOf(chance(MAX_ROWS), 1).map(({ key }, number) => ({
      key,
      value: Buffer.alloc(chance(3) === 0 ? chance(2 * MAX_SNAPSHOT_CHUNK_BYTES) : chance(500), seed + number),
    }));
    const world = worldWith(rows);
    const lostOf100 = chance(3) * 15;
    const repeatedOf100 = chance(40);
    const isReordering = chance(2) === 0;
    const delayMs = (): number => 1 + chance(isReordering ? MAX_DELAY_MS : 3);
    world.fateOf = () => {
      if (chance(100) < lostOf100) return [];
      return chance(100) < repeatedOf100 ? [delayMs(), delayMs() * 4] : [delayMs()];
    };
    world.peer.store.delayMs = chance(3) * 10;
    world.leader.store.delayMs = chance(3) * 10;
    if (chance(4) === 0) world.peer.store.worksFor = chance(30);
    const disconnections = chance(4);
    for (let number = 0; number < disconnections; number += 1) {
      const atMs = chance(1_500);
      world.clock.setTimer(atMs, () => world.setConnected(false));
      world.clock.setTimer(atMs + chance(2 * GIVE_UP_MS), () => world.setConnected(true));
    }
    world.begin();
    const [delivered] = await untilEnded(world);
    world.setConnected(true);
    const arrived = installed(world);
    if (delivered === true) expect(arrived).toBeDefined();
    if (arrived !== undefined) expectSame(arrived, rows);
    await expectClean(world);
    expect(world.leader.given).toHaveLength(1);
    return delivered === true;
  }

  it(`bring exactly the rows that were sent, or fail, and always end (${SEEDS} seeds)`, async () => {
    let delivered = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) if (await story(seed)) delivered += 1;
    // A property that only ever saw failures would prove nothing, and one that saw none little.
    expect(delivered).toBeGreaterThan(SEEDS / 2);
    expect(delivered).toBeLessThan(SEEDS);
  });

  it('never hold more chunks than the window and the queue before the store', () => {
    expect(MAX_SNAPSHOT_CHUNKS_TO_STAGE).toBeGreaterThanOrEqual(MAX_SNAPSHOT_CHUNKS_IN_FLIGHT);
  });
});

/** A small seeded generator (mulberry32). */
function chances(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
