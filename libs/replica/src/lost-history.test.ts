import { logIndex, nodeId, type NodeId } from '@latchkey/raft';
import { MemoryDisk, MemoryIdentityStore, MemoryLogStore } from '@latchkey/storage-memory';
import { describe, expect, it } from 'vitest';
import { LostHistory } from './lost-history.js';
import type { IdentityMessage } from './ports/identity-messages.js';
import { LogStoreError } from './ports/log-store.js';

const N1 = nodeId('n1');
const N2 = nodeId('n2');
const TICKET = 7;

/** The node n1, which has lost what it held, and its store. */
async function lostNode() {
  const disk = new MemoryDisk('store');
  const store = new MemoryIdentityStore(disk);
  await new MemoryLogStore(disk).load();
  const identity = await store.identify();
  const tickets: number[] = [];
  const failures: unknown[] = [];
  let notedCount = 0;
  const send = (_to: NodeId, message: IdentityMessage): void => {
    if (message.type === 'releaseWanted') tickets.push(message.ticket);
  };
  const lost = new LostHistory({
    nodeId: N1,
    identity,
    store,
    host: { send, connectedPeers: () => [N2], warn: () => undefined, fail: (error) => failures.push(error) },
    onVoteNoted: () => (notedCount += 1),
  });
  const answer = (said: { readonly hadVote: boolean; readonly isReleased: boolean }): boolean =>
    lost.answered(N2, {
      type: 'releaseAnswer',
      storeId: identity.storeId,
      epoch: identity.epoch,
      ticket: TICKET,
      membershipIndex: logIndex(1),
      ...said,
    });
  return { disk, store, lost, tickets, failures, answer, notedCount: () => notedCount };
}

describe('a node that has lost its history, and had a vote', () => {
  it('writes down that it wants it back, and shows nobody its ticket before that', async () => {
    const { disk, lost, tickets, answer, notedCount } = await lostNode();
    expect(answer({ hadVote: true, isReleased: false })).toBe(false);
    expect([tickets, notedCount()]).toEqual([[], 0]);
    await lost.idle();
    expect([disk.identity.wantsVoteBack, lost.wantsVoteBack, notedCount()]).toEqual([true, true, 1]);
    expect(answer({ hadVote: true, isReleased: false })).toBe(false);
    expect(tickets).toEqual([TICKET]);
    expect(answer({ hadVote: true, isReleased: true })).toBe(true);
  });

  it('takes no release while it writes that down', async () => {
    const { lost, tickets, answer } = await lostNode();
    answer({ hadVote: false, isReleased: false });
    expect(tickets).toEqual([TICKET]);
    answer({ hadVote: true, isReleased: false });
    expect(answer({ hadVote: false, isReleased: true })).toBe(false);
    await lost.idle();
    expect(answer({ hadVote: false, isReleased: true })).toBe(true);
  });

  it('fails when its store will never take it', async () => {
    const { store, lost, tickets, failures, answer } = await lostNode();
    const fault = new LogStoreError('fenced', 'another process has it');
    store.wantVoteBack = () => Promise.reject(fault);
    answer({ hadVote: true, isReleased: false });
    await lost.idle();
    expect([failures, tickets, lost.wantsVoteBack]).toEqual([[fault], [], false]);
  });
});
