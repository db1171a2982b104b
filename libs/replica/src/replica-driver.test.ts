import { InvariantViolation, logIndex, persistId, readId, term, type ReadId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { MAX_APPLIES_PER_TURN, MAX_INPUTS_PER_TURN, RELOAD_BACKOFF_MIN_MS } from './limits.js';
import type { LogStoreErrorCode } from './ports/log-store.js';
import { textCommand } from './test-support/recording-state-machine.js';
import {
  N1,
  N2,
  noop,
  persistEffect,
  PROPOSAL_TIMEOUT_MS,
  READ_TIMEOUT_MS,
  ScriptedReplica,
  startedReplica,
  voteEffect,
  watch,
} from './test-support/scripted-replica.js';
import { microtasksDone } from './test-support/virtual-clock.js';

const HEARTBEAT = { type: 'raft', message: { type: 'voteResponse', term: term(1), voteGranted: true } } as const;

describe('persist before send', () => {
  it('holds a vote back while the disk writes, and lets appends of a leader pass', async () => {
    const node = await startedReplica();
    node.store.stall();
    await node.effects(persistEffect(1, noop(1)), voteEffect(1), voteEffect(null, 7));
    expect(node.sentOf('raft').map(({ message }) => message.term)).toEqual([7]);
    node.store.release();
    await node.clock.settle();
    expect(node.sentOf('raft').map(({ message }) => message.term)).toEqual([7, 1]);
    expect(node.core.inputsOf('persisted')).toEqual([{ type: 'persisted', persistId: 1 }]);
  });

  it('writes what gathers during a write in one batch', async () => {
    const node = await startedReplica();
    node.store.stall();
    await node.effects(persistEffect(1, noop(1)));
    await node.effects(persistEffect(2, noop(2)));
    await node.effects(persistEffect(3, noop(3)));
    node.store.release();
    await node.clock.settle();
    expect(node.store.writtenBatches.map(({ entries }) => entries.length)).toEqual([1, 2]);
    expect(node.core.inputsOf('persisted').map(({ persistId }) => persistId)).toEqual([1, 3]);
  });
});

describe('a persist of unknown outcome, FAILURE-MODES 26 and 27', () => {
  it('silences the node, drops what waited for it, and rebuilds the core from what is durable', async () => {
    const node = await startedReplica();
    await node.roleChanged('leader', 2, N1);
    const sent = watch(node.replica.propose(textCommand('sent')));
    await node.clock.settle();
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
    node.store.failNextLoad('unavailable');
    await node.effects(persistEffect(1, noop(1, 2)), voteEffect(1), { type: 'apply', entries: [] });
    expect(node.replica.status()).toMatchObject({ phase: 'recovering', role: 'follower', leaderId: null });
    expect(sent.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
    const refused = watch(node.replica.propose(textCommand('meanwhile')));
    await node.receive(N2, { type: 'leaderRequest', requestId: 1, body: new Uint8Array(0) });
    await node.clock.advance(RELOAD_BACKOFF_MIN_MS);
    expect(refused.state).toBe('NO_LEADER safe');
    expect(node.replica.status().phase).toBe('running');
    expect(node.cores).toHaveLength(2);
    expect(node.core.inputs.map(({ type }) => type)).toEqual(['peerUp', 'peerUp']);
    expect(node.transport.sent).toEqual([]);
  });

  it('does not apply again what was applied before', async () => {
    const node = await startedReplica();
    await node.effects(persistEffect(1, noop(1), noop(2)), { type: 'apply', entries: [noop(1), noop(2)] });
    node.store.failNextPersist({ code: 'unavailable', isWritten: false });
    await node.effects(persistEffect(2, noop(3)));
    expect(node.cores).toHaveLength(2);
    await node.effects({ type: 'apply', entries: [noop(1), noop(2), noop(3)] });
    expect(node.machine.lastIndex).toBe(3);
    expect(node.core.inputsOf('applied')).toEqual([{ type: 'applied', index: 3 }]);
    expect(node.failure).toBeNull();
  });

  it('backs off while the store cannot be loaded, and goes on when it can', async () => {
    const node = await startedReplica();
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: false });
    for (let failure = 0; failure < 4; failure += 1) node.store.failNextLoad('unavailable');
    await node.effects(persistEffect(1, noop(1)));
    const loadsAtFirst = node.store.loadCount;
    await node.clock.advance(RELOAD_BACKOFF_MIN_MS * (1 + 2 + 4) + 1);
    expect(node.store.loadCount - loadsAtFirst).toBe(3);
    expect(node.replica.status()).toMatchObject({ phase: 'recovering', storeTrouble: 'the store cannot be used' });
    await node.clock.advance(RELOAD_BACKOFF_MIN_MS * 8);
    expect(node.replica.status()).toMatchObject({ phase: 'running', storeTrouble: null });
  });

  it('takes no report of the run before for one of its own', async () => {
    const node = await startedReplica();
    node.store.stall();
    await node.effects(persistEffect(1, noop(1)));
    await node.effects(persistEffect(2, noop(2)));
    node.store.release();
    // The report of the first write waits behind more inputs than one turn takes; meanwhile the second write fails.
    for (let input = 0; input <= MAX_INPUTS_PER_TURN; input += 1) node.transport.handlers?.onPeerUp(N2);
    await microtasksDone();
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
    await node.clock.settle();
    expect(node.cores).toHaveLength(2);
    expect(node.cores.map((core) => core.inputsOf('persisted'))).toEqual([[], []]);
    expect(node.failure).toBeNull();
  });

  it('stops the node when the store has lost what it had confirmed', async () => {
    const node = await startedReplica();
    node.store.loseNextPersist();
    const hardState = { currentTerm: term(5), votedFor: N2 };
    await node.effects({ type: 'persist', persistId: persistId(1), hardState, truncateFrom: null, entries: [] });
    node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: false });
    await node.effects(persistEffect(2, noop(1)));
    expect(node.failure).toBeInstanceOf(InvariantViolation);
    expect(node.replica.status().phase).toBe('failed');
  });
});

describe('a failed node', () => {
  it.each<LogStoreErrorCode>(['fenced', 'corrupt', 'foreign', 'unsafe'])(
    'is silent for good when its store is %s',
    async (code) => {
      const node = await startedReplica();
      const pending = watch(node.replica.propose(textCommand('a')));
      node.store.failNextPersist({ code, isWritten: false });
      await node.effects(persistEffect(1, noop(1)), voteEffect(1));
      expect(node.failure).toMatchObject({ code });
      expect(node.replica.status().phase).toBe('failed');
      expect(pending.state).toBe('SHUTTING_DOWN safe');
      await node.receive(N2, { type: 'leaderRequest', requestId: 1, body: new Uint8Array(0) });
      await node.clock.advance(PROPOSAL_TIMEOUT_MS);
      expect(node.transport.sent).toEqual([]);
      expect(node.cores).toHaveLength(1);
    },
  );

  it('is one whose core or state machine threw: nothing unexpected is swallowed', async () => {
    const fromCore = await startedReplica();
    fromCore.core.onAny(() => {
      throw new InvariantViolation('a bug');
    });
    await fromCore.receive(N2, HEARTBEAT);
    expect(fromCore.failure?.message).toBe('a bug');
    const fromMachine = await startedReplica();
    fromMachine.machine.advance = () => {
      throw new Error('another bug');
    };
    await fromMachine.effects({ type: 'apply', entries: [noop(1)] });
    expect(fromMachine.failure?.message).toBe('another bug');
    expect(fromMachine.replica.status().phase).toBe('failed');
  });

  it('fails what was on its way as unknown', async () => {
    const node = await startedReplica();
    await node.roleChanged('follower', 2, N2);
    const pending = watch(node.replica.propose(textCommand('a')));
    await node.clock.settle();
    node.store.failNextPersist({ code: 'fenced', isWritten: false });
    await node.effects(persistEffect(1, noop(1)));
    expect(pending.state).toBe('OUTCOME_UNKNOWN onlyIfIdempotent');
  });
});

describe('turns', () => {
  it('answer messages between the slices of a long replay', async () => {
    const node = await startedReplica();
    const entries = Array.from({ length: 3 * MAX_APPLIES_PER_TURN }, (_, position) => noop(position + 1));
    node.core.onNext('message', [{ type: 'apply', entries }]);
    node.core.onNext('message', [voteEffect(null)]);
    const appliedWhenAnswered: number[] = [];
    const send = node.transport.send.bind(node.transport);
    node.transport.send = (to, message) => {
      appliedWhenAnswered.push(node.machine.lastIndex);
      send(to, message);
    };
    node.transport.handlers?.onMessage(N2, HEARTBEAT);
    node.clock.defer(() => node.transport.handlers?.onMessage(N2, HEARTBEAT));
    await node.clock.settle();
    expect(appliedWhenAnswered).toEqual([MAX_APPLIES_PER_TURN]);
    expect(node.machine.lastIndex).toBe(entries.length);
    expect(node.core.inputsOf('applied').map(({ index }) => index)).toEqual(
      [1, 2, 3].map((slice) => slice * MAX_APPLIES_PER_TURN),
    );
  });

  it('tick the core when its deadline has come, and arm no second timer while it moves away', async () => {
    const node = await startedReplica();
    node.core.deadlineMs = 50;
    await node.effects();
    for (const later of [60, 70, 80]) {
      node.core.deadlineMs = later;
      await node.effects();
    }
    expect(node.clock.armedTimerCount).toBe(1);
    await node.clock.advance(79);
    expect(node.core.inputsOf('tick')).toEqual([]);
    node.core.onAny((input) => {
      if (input.type === 'tick') node.core.deadlineMs = Infinity;
      return [];
    });
    await node.clock.advance(5);
    expect(node.core.inputsOf('tick')).toHaveLength(1);
  });

  it('handle waiting messages before the election timeout that passed meanwhile', async () => {
    const node = await startedReplica();
    node.core.onAny((input) => {
      if (input.type === 'message') node.core.deadlineMs = 200;
      return [];
    });
    // Armed first, so it runs first at that moment: the message waits for its turn together with the timeout.
    node.clock.setTimer(50, () => node.transport.handlers?.onMessage(N2, HEARTBEAT));
    node.core.deadlineMs = 50;
    node.transport.handlers?.onPeerUp(N2);
    await node.clock.advance(60);
    expect(node.core.inputsOf('tick')).toEqual([]);
  });
});

describe('leadership', () => {
  it('is ready when an entry of the own term is applied, once', async () => {
    const node = await startedReplica();
    await node.roleChanged('leader', 3, N1);
    await node.effects({ type: 'apply', entries: [noop(1, 2)] });
    expect(node.readyTerms).toEqual([]);
    await node.effects({ type: 'apply', entries: [noop(2, 3)] });
    await node.effects({ type: 'apply', entries: [noop(3, 3)] });
    expect(node.readyTerms).toEqual([3]);
  });

  it('is confirmed by a read round that ends in the same term', async () => {
    const node = await startedReplica();
    const beforehand = watch(node.replica.confirmLeadership());
    await node.roleChanged('leader', 3, N1);
    const confirmed = watch(node.replica.confirmLeadership());
    await node.clock.settle();
    await node.effects({ type: 'completeRead', readId: lastReadIdOf(node), readIndex: logIndex(5) });
    const deposed = watch(node.replica.confirmLeadership());
    await node.clock.settle();
    await node.roleChanged('follower', 4, N2);
    expect([beforehand.state, confirmed.state, deposed.state]).toEqual([
      'NO_LEADER safe',
      'resolved undefined',
      'NO_LEADER safe',
    ]);
  });
});

describe('read barrier', () => {
  it('waits until the read index is applied here', async () => {
    const node = await startedReplica();
    const read = watch(node.replica.readBarrier());
    await node.clock.settle();
    await node.effects({ type: 'completeRead', readId: lastReadIdOf(node), readIndex: logIndex(2) });
    await node.effects({ type: 'apply', entries: [noop(1)] });
    expect(read.state).toBe('pending');
    await node.effects({ type: 'apply', entries: [noop(2)] });
    expect(read.state).toBe('resolved 2');
  });

  it('tries again with fresh ids until its time is over', async () => {
    const node = await startedReplica();
    node.core.onAny((input) => (input.type === 'read' ? [{ type: 'failRead', readId: input.readId }] : []));
    const read = watch(node.replica.readBarrier());
    await node.clock.advance(READ_TIMEOUT_MS + 1);
    expect(read.state).toBe('NO_LEADER safe');
    const ids = node.core.inputsOf('read').map(({ readId }) => readId);
    expect(ids.length).toBeGreaterThan(3);
    expect(new Set(ids).size).toBe(ids.length);
    expect(node.clock.armedTimerCount).toBeLessThanOrEqual(1);
  });
});

describe('reads of a process that was restarted', () => {
  it('have ids that no earlier process used: a late answer to that one completes none of them (FAILURE-MODES 22)', async () => {
    const ids: number[] = [];
    for (const incarnation of [1, 2, 3]) {
      const node = new ScriptedReplica({ incarnation });
      await node.start();
      void node.replica.readBarrier().catch(() => undefined);
      await node.clock.settle();
      ids.push(lastReadIdOf(node));
    }
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('waiting for an index', () => {
  it('resolves once it is applied, and is unknown when it is not in time', async () => {
    const node = await startedReplica();
    const served = watch(node.replica.waitForApplied(logIndex(1), 100));
    const late = watch(node.replica.waitForApplied(logIndex(9), 100));
    await node.effects({ type: 'apply', entries: [noop(1)] });
    await node.clock.advance(101);
    expect([served.state, late.state]).toEqual(['resolved undefined', 'OUTCOME_UNKNOWN onlyIfIdempotent']);
  });
});

describe('stopping', () => {
  it('settles everything, closes transport and store, leaves no timer, and can be repeated', async () => {
    const node = await startedReplica();
    const unsent = watch(node.replica.propose(textCommand('a')));
    const read = watch(node.replica.readBarrier());
    const waiting = watch(node.replica.waitForApplied(logIndex(5), 100));
    await node.clock.settle();
    await Promise.all([node.replica.stop(), node.replica.stop()]);
    const afterwards = watch(node.replica.propose(textCommand('b')));
    await node.clock.settle();
    expect([unsent.state, read.state, afterwards.state]).toEqual(Array(3).fill('SHUTTING_DOWN safe'));
    expect(waiting.state).toBe('SHUTTING_DOWN safe');
    expect(node.transport.isClosed).toBe(true);
    expect(node.clock.armedTimerCount).toBe(0);
    expect(node.replica.status().phase).toBe('stopped');
    await expect(node.store.load()).rejects.toThrow('closed');
  });

  it('before the start is harmless, and a start that it overtakes fails', async () => {
    const never = new ScriptedReplica();
    await never.replica.stop();
    await expect(never.replica.start()).rejects.toThrow('cannot start');
    const overtaken = new ScriptedReplica();
    const starting = overtaken.replica.start();
    const stopping = overtaken.replica.stop();
    await expect(starting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await stopping;
    expect(overtaken.cores).toEqual([]);
  });

  it('does not wait for ever for a store that hangs', async () => {
    const node = await startedReplica();
    node.store.stall();
    await node.effects(persistEffect(1, noop(1)));
    const stopping = watch(node.replica.stop());
    await node.clock.advance(1_000);
    expect(stopping.state).toBe('pending');
    await node.clock.advance(10_000);
    expect(stopping.state).toBe('resolved undefined');
  });
});

/** The id of the attempt that the driver began last. */
function lastReadIdOf(node: ScriptedReplica): ReadId {
  return node.core.inputsOf('read').at(-1)?.readId ?? readId(0);
}
