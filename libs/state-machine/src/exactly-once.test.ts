import { describe, expect, it } from 'vitest';
import type { Command } from './commands.js';
import { key } from './ids.js';
import { MAX_IDEMPOTENCY_KEYS, MAX_SESSION_OUTCOMES, MAX_VALUE_BYTES } from './limits.js';
import { enter, grant, lease, leave, put, revoke } from './test-support/commands.js';
import { TestMachine } from './test-support/test-machine.js';

const SESSION = 7;
const NEXT_SESSION = 8;
const sequences = (...entries: [number, Command][]): ReadonlyMap<number, Command> => new Map(entries);
const BIG_VALUES_TO_FILL_A_SESSION = 32;

const machineWithSession = (): TestMachine => {
  const machine = new TestMachine();
  machine.run(grant(SESSION));
  return machine;
};
const version = (machine: TestMachine, name: string): number => machine.state.get(key(name))?.version ?? 0;

describe('command of a session, FAILURE-MODES 38', () => {
  it('takes effect once, however often it arrives, and is answered the same way without another event', () => {
    const machine = machineWithSession();
    const first = machine.session(SESSION, 0, sequences([1, put('a', '1')]));
    machine.run(put('a', 'by another'));
    expect(machine.session(SESSION, 0, sequences([1, put('a', '1')]))).toEqual(first);
    expect(version(machine, 'a')).toBe(2);
    const origin = { type: 'session', leaseId: lease(SESSION), acknowledgedThrough: 0, sequences: [1] } as const;
    expect(machine.apply(origin, [put('a', '1')])).toMatchObject({ revisions: [], grants: [], leaseChanges: [] });
  });

  it('in a batch with others is answered from memory by itself, while the new ones take effect', () => {
    const machine = machineWithSession();
    machine.session(SESSION, 0, sequences([2, put('b', '')]));
    const outcomes = machine.session(SESSION, 0, sequences([1, put('a', '')], [2, put('b', '')], [3, put('c', '')]));
    expect(outcomes).toMatchObject([{ revision: 3 }, { revision: 2 }, { revision: 4 }]);
    expect(version(machine, 'b')).toBe(1);
  });

  it('keeps its refusal: the retry is refused too, though it would be taken by now', () => {
    const machine = machineWithSession();
    const create = put('a', '', { expected: 5 });
    expect(machine.session(SESSION, 0, sequences([1, create]))).toMatchObject([{ code: 'REVISION_MISMATCH' }]);
    machine.run(put('x', ''), put('x', ''), put('x', ''), put('a', ''));
    expect(machine.session(SESSION, 0, sequences([1, create]))).toMatchObject([{ code: 'REVISION_MISMATCH' }]);
  });

  it('repeats a lock that was granted with the token of then, though it was given up since', () => {
    const machine = machineWithSession();
    const [acquired] = machine.session(SESSION, 0, sequences([1, enter('x', SESSION)]));
    machine.session(SESSION, 0, sequences([2, leave('x', SESSION)]));
    expect(machine.session(SESSION, 0, sequences([1, enter('x', SESSION)]))).toEqual([acquired]);
    expect(machine.state.queue('locks', 'x')).toEqual([]);
  });

  it('is forgotten once acknowledged, and a repeat after that is a bug of the client', () => {
    const machine = machineWithSession();
    machine.session(SESSION, 0, sequences([1, put('a', '')], [2, put('a', '')], [4, put('a', '')]));
    const outcomes = machine.session(
      SESSION,
      2,
      sequences([1, put('a', '')], [2, put('a', '')], [4, put('a', '')], [3, put('a', '')]),
    );
    expect(outcomes).toMatchObject([
      { code: 'SEQUENCE_ACKNOWLEDGED' },
      { code: 'SEQUENCE_ACKNOWLEDGED' },
      { type: 'put', revision: 4 },
      { type: 'put', revision: 5 },
    ]);
    expect(machine.session(SESSION, 1, sequences([2, put('a', '')]))).toMatchObject([
      { code: 'SEQUENCE_ACKNOWLEDGED' },
    ]);
    expect(machine.session(SESSION, 0, sequences([0, put('a', '')]))).toMatchObject([
      { code: 'SEQUENCE_ACKNOWLEDGED' },
    ]);
  });

  it('may be acknowledged by any number at all without the node counting up to it', () => {
    const machine = machineWithSession();
    machine.session(SESSION, 0, sequences([1, put('a', '')], [9, put('a', '')]));
    const far = Number.MAX_SAFE_INTEGER;
    expect(machine.session(SESSION, far - 1, sequences([9, put('a', '')], [far, put('a', '')]))).toMatchObject([
      { code: 'SEQUENCE_ACKNOWLEDGED' },
      { type: 'put' },
    ]);
  });

  it('without its session is refused, and whether it took effect is not known any more', () => {
    const machine = machineWithSession();
    machine.session(SESSION, 0, sequences([1, put('a', '')]));
    machine.run(revoke(SESSION));
    expect(machine.session(SESSION, 0, sequences([1, put('a', '')], [2, put('a', '')]))).toMatchObject([
      { code: 'SESSION_NOT_FOUND' },
      { code: 'SESSION_NOT_FOUND' },
    ]);
    machine.run(grant(NEXT_SESSION));
    machine.session(NEXT_SESSION, 0, sequences([1, put('b', '')]));
    expect(version(machine, 'b')).toBe(1);
  });

  it('that ends its own session is answered, and those behind it in the batch find none', () => {
    const machine = machineWithSession();
    expect(machine.session(SESSION, 0, sequences([1, revoke(SESSION)], [2, put('a', '')]))).toMatchObject([
      { type: 'leaseEnded' },
      { code: 'SESSION_NOT_FOUND' },
    ]);
    expect(machine.state.get(key('a'))).toBeNull();
    machine.run(grant(NEXT_SESSION));
    expect(machine.session(NEXT_SESSION, 0, sequences([1, put('a', '')]))).toMatchObject([{ type: 'put' }]);
  });

  it('is refused without effect when too many answers are unacknowledged, and taken afterwards', () => {
    const machine = machineWithSession();
    const many = Array.from({ length: MAX_SESSION_OUTCOMES }, (_, index): [number, Command] => [
      index + 1,
      put('a', ''),
    ]);
    const next = MAX_SESSION_OUTCOMES + 1;
    machine.session(SESSION, 0, sequences(...many));
    expect(machine.session(SESSION, 0, sequences([next, put('b', '')]))).toMatchObject([{ code: 'TOO_MANY' }]);
    expect(machine.state.get(key('b'))).toBeNull();
    expect(machine.session(SESSION, 1, sequences([next, put('b', '')]))).toMatchObject([{ type: 'put' }]);
  });

  it('is refused as well when its unacknowledged answers keep too many bytes alive', () => {
    const machine = machineWithSession();
    const big = put('a', 'v'.repeat(MAX_VALUE_BYTES), { wantPrevious: true });
    machine.run(big);
    for (let sequence = 1; sequence <= BIG_VALUES_TO_FILL_A_SESSION; sequence += 1) {
      expect(machine.session(SESSION, 0, sequences([sequence, big]))).toMatchObject([{ type: 'put' }]);
    }
    const next = BIG_VALUES_TO_FILL_A_SESSION + 1;
    expect(machine.session(SESSION, 0, sequences([next, big]))).toMatchObject([{ code: 'TOO_MANY' }]);
    expect(machine.session(SESSION, next - 1, sequences([next, big]))).toMatchObject([{ type: 'put' }]);
  });

  it('without a sequence of its own makes the whole batch malformed', () => {
    const machine = machineWithSession();
    const batch = {
      origin: { type: 'session', leaseId: lease(SESSION), acknowledgedThrough: 0, sequences: [1] },
      commands: [put('a', ''), put('b', '')],
    } as const;
    const meta = { index: machine.state.lastApplied + 1, term: 1, proposedAtMs: 0 };
    expect(machine.state.applyBatch(batch, meta).outcomes).toMatchObject([{ code: 'MALFORMED' }]);
    expect(machine.state.revision).toBe(1);
  });
});

describe('command with an idempotency key', () => {
  it('takes effect once and is answered the same way', () => {
    const machine = new TestMachine();
    const first = machine.withKey('request-1', put('a', '1'));
    expect(machine.withKey('request-1', put('a', '1'))).toEqual(first);
    expect(version(machine, 'a')).toBe(1);
  });

  it('is refused when the key was used for something else', () => {
    const machine = new TestMachine();
    machine.withKey('request-1', put('a', '1'));
    expect(machine.withKey('request-1', put('a', '2'))).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(version(machine, 'a')).toBe(1);
  });

  it('is remembered until as many newer ones have come', () => {
    const machine = new TestMachine();
    for (let request = 0; request < MAX_IDEMPOTENCY_KEYS + 1; request += 1)
      machine.withKey(`r${request}`, put('a', ''));
    machine.withKey('r1', put('a', ''));
    expect(version(machine, 'a')).toBe(MAX_IDEMPOTENCY_KEYS + 1);
    machine.withKey('r0', put('a', ''));
    expect(version(machine, 'a')).toBe(MAX_IDEMPOTENCY_KEYS + 2);
  });

  it('comes alone: a batch of several or none is malformed', () => {
    const machine = new TestMachine();
    const origin = { type: 'idempotencyKey', idempotencyKey: 'r' } as const;
    expect(machine.apply(origin, [put('a', ''), put('b', '')]).outcomes).toMatchObject([{ code: 'MALFORMED' }]);
    expect(machine.apply(origin, []).outcomes).toMatchObject([{ code: 'MALFORMED' }]);
    expect(machine.state.revision).toBe(1);
  });
});
