import { describe, expect, it } from 'vitest';
import { key } from './ids.js';
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from './limits.js';
import { longestCompatiblePrefix } from './queue-holders.js';
import { compact, del, enter, evict, grant, lease, leave, put, revoke, text, txn } from './test-support/commands.js';
import { TestMachine } from './test-support/test-machine.js';

const LONG_QUEUE = 10_000;

const machineWithLeases = (count = 4): TestMachine => {
  const machine = new TestMachine();
  machine.run(...Array.from({ length: count }, (_, index) => grant(index + 1)));
  return machine;
};
const padded = (name: string, number: number): string => `locks/${name}/${lease(number)}`;

describe('entering a lock', () => {
  it('takes it when it is free: the token is the revision that created the key, and a grant tells of it', () => {
    const machine = machineWithLeases();
    const { outcomes, grants, revisions } = machine.run(enter('orders/42', 1, { value: '{"mode":"exclusive"}' }));
    expect(outcomes).toEqual([{ type: 'acquired', revision: 2, fencingToken: 2 }]);
    expect(grants).toEqual([{ space: 'locks', name: 'orders/42', leaseId: lease(1), fencingToken: 2 }]);
    expect(revisions).toMatchObject([{ events: [{ record: { key: padded('orders/42', 1), leaseId: lease(1) } }] }]);
  });

  it('waits behind the others in the order of arrival, with its position', () => {
    const machine = machineWithLeases();
    expect(machine.run(enter('x', 1), enter('x', 2), enter('x', 3))).toMatchObject({
      outcomes: [
        { type: 'acquired', fencingToken: 2 },
        { type: 'queued', createRevision: 3, position: 1 },
        { type: 'queued', createRevision: 4, position: 2 },
      ],
      grants: [{ leaseId: lease(1) }],
    });
    expect(machine.state.queue('locks', 'x')).toMatchObject([
      { leaseId: lease(1), holding: true, position: 0 },
      { leaseId: lease(2), holding: false, position: 1 },
      { leaseId: lease(3), holding: false, position: 2 },
    ]);
    expect(machine.state.queueEntry('locks', 'x', lease(2))).toMatchObject({
      holding: false,
      record: { modRevision: 3 },
    });
    expect(machine.state.queueEntry('locks', 'y', lease(2))).toBeNull();
  });

  it('again finds the place that the lease has, with the same token and an unchanged value', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1, { value: 'first' }), enter('x', 2));
    const repeated = machine.run(enter('x', 1, { value: 'second' }), enter('x', 2), enter('x', 1, { wait: false }));
    expect(repeated).toMatchObject({
      outcomes: [{ type: 'acquired', fencingToken: 2 }, { type: 'queued', position: 1 }, { type: 'acquired' }],
      revisions: [],
      grants: [],
    });
    expect(text(machine.state.get(key(padded('x', 1)))?.value ?? new Uint8Array(0))).toBe('first');
  });

  it('keeps its token when the value of its key is written anew, as a proclamation does', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1, { value: 'first' }));
    machine.do(put(padded('x', 1), 'second', { leaseId: lease(1) }));
    expect(machine.state.get(key(padded('x', 1)))).toMatchObject({ createRevision: 2, modRevision: 3 });
    expect(machine.do(enter('x', 1))).toMatchObject({ type: 'acquired', fencingToken: 2 });
  });

  it('without waiting is answered with the holder, and nothing is written', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1, { value: 'me' }), enter('x', 3));
    const before = machine.state.revision;
    for (const number of [2, 3]) {
      expect(machine.do(enter('x', number, { wait: false }))).toMatchObject({
        type: 'held',
        holder: { key: padded('x', 1), leaseId: lease(1), record: { createRevision: 2 } },
      });
    }
    expect(machine.state.revision).toBe(before);
    expect(machine.do(enter('free', 2, { wait: false }))).toMatchObject({ type: 'acquired' });
  });

  it('needs a living lease, and a name and a value of reasonable size', () => {
    const machine = machineWithLeases();
    expect(machine.do(enter('x', 99))).toMatchObject({ code: 'LEASE_NOT_FOUND' });
    const longestName = 'n'.repeat(MAX_KEY_BYTES - padded('', 1).length);
    expect(machine.do(enter(longestName, 1))).toMatchObject({ type: 'acquired' });
    expect(machine.do(enter(`${longestName}n`, 1))).toMatchObject({ code: 'TOO_LARGE' });
    expect(machine.do(enter('x', 1, { value: 'v'.repeat(MAX_VALUE_BYTES + 1) }))).toMatchObject({ code: 'TOO_LARGE' });
    const nameless = { origin: { type: 'none' } as const, commands: [enter('', 1)] };
    const meta = { index: machine.state.lastApplied + 1, term: 1, proposedAtMs: 0 };
    expect(machine.state.applyBatch(nameless, meta).outcomes).toMatchObject([{ code: 'MALFORMED' }]);
  });
});

describe('leaving a lock', () => {
  it('hands it to the next in the same entry and revision', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1), enter('x', 2));
    const { outcomes, grants, revisions } = machine.run(leave('x', 1));
    expect(outcomes).toEqual([{ type: 'queueLeft', revision: 4, left: true, fencingToken: null }]);
    expect(grants).toEqual([{ space: 'locks', name: 'x', leaseId: lease(2), fencingToken: 3 }]);
    expect(revisions).toHaveLength(1);
  });

  it('while waiting grants nothing to anybody; of a stranger it changes nothing', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1), enter('x', 2), enter('x', 3));
    expect(machine.run(leave('x', 2, true))).toMatchObject({ outcomes: [{ left: true }], grants: [] });
    expect(machine.run(leave('x', 2), leave('y', 1))).toMatchObject({
      outcomes: [{ left: false }, { left: false }],
      revisions: [],
    });
    expect(machine.run(leave('x', 1)).grants).toMatchObject([{ leaseId: lease(3) }]);
  });

  it('only if waiting is too late when the grant came first, and says which', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1), enter('x', 2), leave('x', 1));
    expect(machine.run(leave('x', 2, true))).toMatchObject({
      outcomes: [{ type: 'queueLeft', left: false, fencingToken: 3 }],
      revisions: [],
    });
  });

  it('gives a new, higher token to the lease that comes back', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1), leave('x', 1));
    expect(machine.do(enter('x', 1))).toMatchObject({ type: 'acquired', fencingToken: 4 });
  });
});

describe('end of a lease, FAILURE-MODES 37', () => {
  it('passes its locks on in one revision, skipping whoever ends with it', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1), enter('y', 1), enter('x', 2), enter('y', 3), enter('x', 3));
    expect(machine.run(revoke(2)).grants).toEqual([]);
    expect(machine.run(revoke(1))).toMatchObject({
      grants: [
        { name: 'x', leaseId: lease(3), fencingToken: 6 },
        { name: 'y', leaseId: lease(3), fencingToken: 5 },
      ],
      revisions: [{ events: [{ key: padded('x', 1) }, { key: padded('y', 1) }] }],
    });
  });
});

describe('evicting the holder', () => {
  it('removes whoever it is and grants the next; of a free lock there is none', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1), enter('x', 2));
    expect(machine.run(evict('x'))).toMatchObject({
      outcomes: [{ type: 'evicted', holder: { leaseId: lease(1) } }],
      grants: [{ leaseId: lease(2) }],
    });
    expect(machine.run(evict('free'))).toMatchObject({ outcomes: [{ type: 'evicted', holder: null }], revisions: [] });
  });
});

describe('lock key written by another etcd client', () => {
  const foreign = (number: number) => put(`locks/x/${number.toString(16)}`, '', { leaseId: lease(number) });

  it('stands in the same queue: it excludes our clients, and ours exclude it', () => {
    const machine = machineWithLeases();
    expect(machine.run(foreign(1)).grants).toMatchObject([{ name: 'x', leaseId: lease(1), fencingToken: 2 }]);
    expect(machine.run(enter('x', 2), foreign(3)).outcomes[0]).toMatchObject({ type: 'queued' });
    expect(machine.run(del('locks/x/1')).grants).toMatchObject([{ leaseId: lease(2) }]);
    expect(machine.run(leave('x', 2)).grants).toMatchObject([{ leaseId: lease(3) }]);
    expect(machine.do(enter('x', 3))).toMatchObject({ type: 'acquired', fencingToken: 4 });
    expect(machine.do(leave('x', 3))).toMatchObject({ left: true });
    expect(machine.state.queueNames('locks', '')).toEqual([]);
  });

  it('beside our own key of the same lease counts as two places, of which the older one is found', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 2), foreign(1), enter('y', 1), put(padded('x', 1), '', { leaseId: lease(1) }));
    expect(machine.do(enter('x', 1))).toMatchObject({ type: 'queued', position: 1 });
    machine.run(leave('x', 1));
    expect(machine.do(enter('x', 1))).toMatchObject({ type: 'queued', position: 1, createRevision: 5 });
  });

  it('is in no queue without its own lease, and leaves it when it is detached', () => {
    const machine = machineWithLeases();
    machine.run(
      put('locks/x/1', ''),
      put('locks/x/2', '', { leaseId: lease(3) }),
      put('locks/x/note', '', { leaseId: lease(3) }),
    );
    expect(machine.state.queue('locks', 'x')).toEqual([]);
    machine.run(enter('y', 1), enter('y', 2));
    expect(machine.run(put(padded('y', 1), '')).grants).toMatchObject([{ leaseId: lease(2) }]);
    expect(machine.state.get(key(padded('y', 1)))).not.toBeNull();
  });

  it('that gave its place up does not come back in front of those who hold since', () => {
    const machine = machineWithLeases();
    machine.run(enter('y', 1), enter('y', 2), put(padded('y', 1), ''));
    const back = put(padded('y', 1), '', { leaseId: lease(1) });
    expect(machine.do(back)).toMatchObject({ code: 'QUEUE_PLACE_LOST' });
    expect(machine.do(txn([], [back]))).toMatchObject({ code: 'QUEUE_PLACE_LOST' });
    expect(machine.do(enter('y', 1))).toMatchObject({ code: 'QUEUE_PLACE_LOST' });
    machine.run(del(padded('y', 1)));
    expect(machine.do(enter('y', 1))).toMatchObject({ type: 'queued', position: 1 });
  });

  it('changed in value, as a proclaiming leader does, keeps place and token', () => {
    const machine = machineWithLeases();
    machine.run(enter('x', 1));
    const { grants } = machine.run(put(padded('x', 1), 'proclaimed', { keepLease: true }));
    expect(grants).toEqual([]);
    expect(machine.state.queueEntry('locks', 'x', lease(1))).toMatchObject({
      holding: true,
      record: { createRevision: 2, version: 2, value: new Uint8Array(Buffer.from('proclaimed')) },
    });
  });
});

describe('queues as a whole', () => {
  it('are listed by prefix in key order while somebody stands in them', () => {
    const machine = machineWithLeases();
    machine.run(enter('orders/2', 1), enter('orders/1', 1), enter('other', 1), compact(3));
    expect(machine.state.queueNames('locks', 'orders/')).toEqual(['orders/1', 'orders/2']);
    expect(machine.state.queueNames('elections', '')).toEqual([]);
    machine.run(leave('orders/1', 1));
    expect(machine.state.queueNames('locks', '')).toEqual(['orders/2', 'other']);
  });

  it('let thousands of waiters leave from anywhere, and pass the lock on in order', () => {
    const machine = machineWithLeases(LONG_QUEUE);
    const all = Array.from({ length: LONG_QUEUE }, (_, index) => index + 1);
    machine.run(...all.map((number) => enter('x', number)));
    machine.run(...all.filter((number) => number % 2 === 0).map((number) => leave('x', number)));
    const { grants } = machine.run(...all.filter((number) => number % 2 === 1).map((number) => leave('x', number)));
    expect(grants.map((each) => each.leaseId)).toEqual(
      all.filter((number) => number % 2 === 1 && number > 1).map(lease),
    );
    expect(machine.state.queue('locks', 'x')).toEqual([]);
  });

  it('are held by their first alone, whoever stands behind', () => {
    expect(longestCompatiblePrefix(['a', 'b', 'c'])).toEqual(['a']);
    expect(longestCompatiblePrefix([])).toEqual([]);
  });
});
