import { expect } from 'vitest';
import { SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS, SNAPSHOT_IDLE_ELECTION_TIMEOUTS } from '../limits.js';
import type { StateRow } from '../ports/checkpoint-store.js';
import { metaAt } from './fake-checkpoints.js';
import { ELECTION_TIMEOUT_MS, TransferWorld } from './transfer-world.js';

export const SNAPSHOT_AT = 50;
export const ROW_BYTES = 100 * 1024;
/** Of the rows of these tests, in the stream: lengths and key. */
export const ROW_OVERHEAD_BYTES = 18;
export const GIVE_UP_MS = SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS;
export const MANY_ROWS = 60;

export const rowsOf = (count: number, valueBytes = ROW_BYTES): StateRow[] =>
  Array.from({ length: count }, (_, number) => ({
    key: Buffer.from(`key ${String(number).padStart(6, '0')}`),
    value: Buffer.alloc(valueBytes, number),
  }));

export function worldWith(rows: readonly StateRow[]): TransferWorld {
  const world = new TransferWorld();
  world.leader.store.checkpoint = { meta: metaAt(SNAPSHOT_AT), rows };
  return world;
}

export const ended = (world: TransferWorld): unknown[] =>
  world.leader.given.map((input) => (input.type === 'snapshotTransferEnded' ? input.delivered : input));

export const installed = (world: TransferWorld): readonly StateRow[] | undefined =>
  world.peer.store.stagings.find(({ isInstalled }) => isInstalled)?.rows;

/** Byte for byte; without a difference of megabytes on the screen. */
export function expectSame(arrived: readonly StateRow[] | undefined, sent: readonly StateRow[]): void {
  const isSame = ({ key, value }: StateRow, number: number): boolean =>
    Buffer.compare(key, sent[number]?.key ?? new Uint8Array(0)) === 0 &&
    Buffer.compare(value, sent[number]?.value ?? new Uint8Array(0)) === 0;
  expect(arrived?.length).toBe(sent.length);
  expect(arrived?.every(isSame)).toBe(true);
}

export async function untilEnded(world: TransferWorld): Promise<unknown[]> {
  await world.clock.until(() => world.leader.given.length > 0, 100 * GIVE_UP_MS);
  return ended(world);
}

/** Nothing may be left behind at either end: no open view, no forgotten staging, no failure. */
export async function expectClean(world: TransferWorld): Promise<void> {
  await world.clock.advance(2 * SNAPSHOT_IDLE_ELECTION_TIMEOUTS * ELECTION_TIMEOUT_MS);
  expect(world.leader.store.views.every(({ isClosed }) => isClosed)).toBe(true);
  expect(world.peer.store.stagings.every(({ isDiscarded, isInstalled }) => isDiscarded !== isInstalled)).toBe(true);
  expect([world.leader.failure, world.peer.failure]).toEqual([null, null]);
  expect(world.leader.transfers.nextDeadlineMs()).toBe(Infinity);
  expect(world.peer.transfers.nextDeadlineMs()).toBe(Infinity);
}
