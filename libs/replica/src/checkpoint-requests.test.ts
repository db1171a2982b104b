import { logIndex, type LogEntry } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { ByteSlab } from './byte-slab.js';
import { CheckpointRequests } from './checkpoint-requests.js';
import { CHECKPOINT_REQUEST_TIMEOUT_MS, CHECKPOINT_RETRY_MIN_MS, MAX_CHECKPOINT_REQUESTS } from './limits.js';
import { sealProposal } from './proposal-envelope.js';
import { textCommand } from './test-support/recording-state-machine.js';
import { commandEntry, persistEffect, ScriptedReplica, watch } from './test-support/scripted-replica.js';
import { VirtualClock } from './test-support/virtual-clock.js';

/** None is ever due by itself. */
const NEVER = 1_000_000;
const OTHER_INCARNATION = 1;

async function started(options: ConstructorParameters<typeof ScriptedReplica>[0] = {}) {
  const node = new ScriptedReplica({ checkpointEveryEntries: NEVER, ...options });
  await node.start();
  return node;
}

/** The core appends and commits these entries at once. */
async function applied(node: ScriptedReplica, from: number, to: number): Promise<void> {
  const entries = Array.from({ length: to - from + 1 }, (_, offset): LogEntry => {
    const sequence = from + offset;
    const envelope = sealProposal(
      { incarnation: OTHER_INCARNATION, sequence },
      textCommand(`t${sequence}`),
      new ByteSlab(),
    );
    return commandEntry(sequence, envelope);
  });
  await node.effects(persistEffect(to, ...entries), { type: 'apply', entries });
}

describe('a checkpoint that somebody asks for', () => {
  it('is taken at once, of all that is applied, and answered when it is durable', async () => {
    const node = await started();
    await applied(node, 1, 3);
    node.checkpointStore.stallSaves();
    const answer = watch(node.replica.checkpoint());
    await node.clock.settle();
    expect(answer.state).toBe('pending');
    node.checkpointStore.release();
    await node.clock.settle();
    expect(answer.state).toBe('resolved 3');
    expect(node.disk.checkpoint?.meta.index).toBe(3);
    expect(node.replica.status().checkpointIndex).toBe(3);
  });

  it('is not taken again while nothing more was applied', async () => {
    const node = await started();
    await applied(node, 1, 3);
    await Promise.all([node.replica.checkpoint(), node.replica.checkpoint(), node.clock.settle()]);
    expect(await node.replica.checkpoint()).toBe(3);
    expect(node.checkpointedIndexes).toEqual([3]);
  });

  it('is another one than that under way, when more was applied since that was taken', async () => {
    const node = await started();
    await applied(node, 1, 2);
    node.checkpointStore.stallSaves();
    const first = watch(node.replica.checkpoint());
    await node.clock.settle();
    await applied(node, 3, 4);
    const second = watch(node.replica.checkpoint());
    await node.clock.settle();
    node.checkpointStore.release();
    await node.clock.settle();
    expect([first.state, second.state]).toEqual(['resolved 2', 'resolved 4']);
    expect(node.checkpointedIndexes).toEqual([2, 4]);
  });

  it('waits for a store that fails for a while', async () => {
    const node = await started();
    await applied(node, 1, 1);
    node.checkpointStore.failNext('save', { code: 'unavailable', isWritten: false });
    const answer = watch(node.replica.checkpoint());
    await node.clock.advance(CHECKPOINT_RETRY_MIN_MS - 1);
    expect(answer.state).toBe('pending');
    await node.clock.advance(1);
    expect(answer.state).toBe('resolved 1');
  });

  it('is given up when it takes too long, and is saved all the same later', async () => {
    const node = await started();
    await applied(node, 1, 1);
    node.checkpointStore.stallSaves();
    const answer = watch(node.replica.checkpoint());
    await node.clock.advance(CHECKPOINT_REQUEST_TIMEOUT_MS - 1);
    expect(answer.state).toBe('pending');
    await node.clock.advance(1);
    expect(answer.state).toBe('OVERLOADED safe');
    node.checkpointStore.release();
    await node.clock.settle();
    expect(node.checkpointedIndexes).toEqual([1]);
  });

  it('is refused when too many wait already', async () => {
    const node = await started();
    await applied(node, 1, 1);
    node.checkpointStore.stallSaves();
    const answers = Array.from({ length: MAX_CHECKPOINT_REQUESTS + 1 }, () => watch(node.replica.checkpoint()));
    await node.clock.settle();
    expect(answers.map(({ state }) => state)).toEqual([
      ...Array.from({ length: MAX_CHECKPOINT_REQUESTS }, () => 'pending'),
      'OVERLOADED safe',
    ]);
    node.checkpointStore.release();
    await node.clock.settle();
  });

  it('ends with the node', async () => {
    const node = await started();
    await applied(node, 1, 1);
    node.checkpointStore.stallSaves();
    const answer = watch(node.replica.checkpoint());
    await node.clock.settle();
    const stopped = node.replica.stop();
    await node.clock.settle();
    expect(answer.state).toBe('SHUTTING_DOWN safe');
    node.checkpointStore.release();
    await Promise.all([stopped, node.clock.settle()]);
    await expect(node.replica.checkpoint()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('is answered by any checkpoint that is not before it, such as a snapshot of the leader', async () => {
    const clock = new VirtualClock();
    const requests = new CheckpointRequests(clock);
    const answer = watch(requests.add(logIndex(5)));
    requests.saved(logIndex(4));
    await clock.settle();
    expect(answer.state).toBe('pending');
    requests.saved(logIndex(9));
    await clock.settle();
    expect(answer.state).toBe('resolved 9');
  });
});
