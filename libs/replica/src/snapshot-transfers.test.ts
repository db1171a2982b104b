import { nodeId, term } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import {
  MAX_OUTGOING_SNAPSHOTS,
  MAX_SNAPSHOT_CHUNK_BYTES,
  MAX_SNAPSHOT_CHUNKS_IN_FLIGHT,
  SNAPSHOT_INSTALL_ELECTION_TIMEOUTS,
  SNAPSHOT_RETRANSMIT_HEARTBEATS,
} from './limits.js';
import {
  GIVE_UP_MS,
  MANY_ROWS,
  ROW_BYTES,
  ROW_OVERHEAD_BYTES,
  SNAPSHOT_AT,
  ended,
  expectClean,
  expectSame,
  installed,
  rowsOf,
  untilEnded,
  worldWith,
} from './test-support/snapshot-story.js';
import { metaAt } from './test-support/fake-checkpoints.js';
import { ELECTION_TIMEOUT_MS, HEARTBEAT_MS, LEADER, PEER } from './test-support/transfer-world.js';

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
