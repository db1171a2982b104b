import { describe, expect, it } from 'vitest';
import type { Command } from './commands.js';
import { key } from './ids.js';
import { MAX_LEASES, MAX_LEASE_TTL_MS, MIN_LEASE_TTL_MS } from './limits.js';
import { StateMachine } from './state-machine.js';
import { enter, grant, lease, put, revoke } from './test-support/commands.js';
import { TestMachine } from './test-support/test-machine.js';

const TTL_MS = 10_000;
const expire = (number: number, lessorTerm: number): Command => ({
  type: 'leaseExpire',
  leaseId: lease(number),
  lessorTerm,
});
const renew = (number: number): Command => ({ type: 'leaseRenew', leaseId: lease(number) });
const checkpoint = (number: number, remainingTtlMs: number, lessorTerm = 1): Command => ({
  type: 'leaseCheckpoint',
  leaseId: lease(number),
  remainingTtlMs,
  lessorTerm,
});

describe('lease', () => {
  it('does not come back by a late copy of its grant, however it ended', () => {
    const machine = new TestMachine();
    machine.run(grant(1), grant(2));
    machine.run({ type: 'leaseRevoke', leaseId: lease(1) }, { type: 'leaseExpire', leaseId: lease(2), lessorTerm: 1 });
    const { outcomes, leaseChanges } = machine.run(grant(1), grant(2), grant(3));
    expect(outcomes).toMatchObject([{ code: 'LEASE_EXISTS' }, { code: 'LEASE_EXISTS' }, { type: 'leaseGranted' }]);
    expect(leaseChanges).toMatchObject([{ type: 'granted', leaseId: lease(3) }]);
  });

  it('is granted once: whoever repeats the grant learns that it is there', () => {
    const machine = new TestMachine();
    const { outcomes, leaseChanges, revisions } = machine.run(grant(1), grant(1));
    expect(outcomes).toMatchObject([{ type: 'leaseGranted', revision: 1, ttlMs: TTL_MS }, { code: 'LEASE_EXISTS' }]);
    expect(leaseChanges).toEqual([{ type: 'granted', leaseId: lease(1), ttlMs: TTL_MS }]);
    expect(revisions).toEqual([]);
    expect([...machine.state.leases()]).toEqual([{ leaseId: lease(1), ttlMs: TTL_MS, remainingTtlMs: null, keys: [] }]);
  });

  it('has a TTL within its limits', () => {
    const machine = new TestMachine();
    expect(machine.do(grant(1, MIN_LEASE_TTL_MS - 1))).toMatchObject({ code: 'INVALID_TTL' });
    expect(machine.do(grant(1, MAX_LEASE_TTL_MS + 1))).toMatchObject({ code: 'INVALID_TTL' });
    expect(machine.run(grant(1, MIN_LEASE_TTL_MS), grant(2, MAX_LEASE_TTL_MS)).leaseChanges).toHaveLength(2);
  });

  it('takes all its keys with it in one revision, in key order', () => {
    const machine = new TestMachine();
    const leaseId = lease(1);
    machine.run(grant(1), put('c', '', { leaseId }), put('a', '', { leaseId }), put('b', ''));
    expect(machine.state.lease(leaseId)?.keys).toEqual(['a', 'c']);
    const { outcomes, revisions, leaseChanges } = machine.run(revoke(1), revoke(1));
    expect(outcomes).toMatchObject([{ type: 'leaseEnded', revision: 5, deletedCount: 2 }, { code: 'LEASE_NOT_FOUND' }]);
    expect(revisions).toMatchObject([
      {
        revision: 5,
        events: [
          { type: 'delete', key: 'a' },
          { type: 'delete', key: 'c' },
        ],
      },
    ]);
    expect(leaseChanges).toEqual([{ type: 'ended', leaseId, reason: 'revoked' }]);
    expect(machine.state.lease(leaseId)).toBeNull();
    expect(machine.state.get(key('b'))).not.toBeNull();
  });

  it('without keys ends without a revision', () => {
    const machine = new TestMachine();
    machine.run(grant(1));
    expect(machine.do(revoke(1))).toMatchObject({ revision: 1, deletedCount: 0 });
  });

  it('is limited in number', () => {
    const machine = new StateMachine();
    const commands = Array.from({ length: MAX_LEASES + 1 }, (_, number) => grant(number + 1));
    const { outcomes } = machine.applyBatch(
      { origin: { type: 'none' }, commands },
      { index: 1, term: 1, proposedAtMs: 0 },
    );
    expect(outcomes.at(-2)).toMatchObject({ type: 'leaseGranted' });
    expect(outcomes.at(-1)).toMatchObject({ code: 'TOO_MANY' });
  });
});

describe('expiry of a lease, FAILURE-MODES 39', () => {
  it('ends it in the term of the leader that counted it out', () => {
    const machine = new TestMachine();
    machine.run(grant(1), enter('x', 1));
    expect(machine.run(expire(1, 1))).toMatchObject({
      outcomes: [{ type: 'leaseEnded', deletedCount: 1 }],
      leaseChanges: [{ type: 'ended', reason: 'expired' }],
    });
  });

  it('does nothing when another leader has taken over since, or the lease is gone', () => {
    const machine = new TestMachine();
    machine.run(grant(1));
    machine.term = 2;
    expect(machine.do(expire(1, 1))).toEqual({ type: 'leaseUpdated', revision: 1, changed: false });
    expect(machine.do(expire(7, 2))).toMatchObject({ type: 'leaseUpdated', changed: false });
    expect(machine.state.lease(lease(1))).not.toBeNull();
  });
});

describe('checkpoint and renewal, FAILURE-MODES 40 and 41', () => {
  it('a checkpoint says what is left, until a renewal clears it', () => {
    const machine = new TestMachine();
    machine.run(grant(1));
    expect(machine.run(checkpoint(1, 4_000), checkpoint(1, 4_000))).toMatchObject({
      outcomes: [
        { type: 'leaseUpdated', changed: true },
        { type: 'leaseUpdated', changed: false },
      ],
      leaseChanges: [{ type: 'checkpointed', remainingTtlMs: 4_000 }],
    });
    expect(machine.state.lease(lease(1))?.remainingTtlMs).toBe(4_000);
    expect(machine.run(renew(1))).toMatchObject({ outcomes: [{ changed: true }], leaseChanges: [{ type: 'renewed' }] });
    expect(machine.state.lease(lease(1))?.remainingTtlMs).toBeNull();
  });

  it('a checkpoint never lengthens a lease, and one of an earlier leader is ignored', () => {
    const machine = new TestMachine();
    machine.run(grant(1), checkpoint(1, TTL_MS * 2));
    expect(machine.state.lease(lease(1))?.remainingTtlMs).toBe(TTL_MS);
    machine.term = 2;
    expect(machine.do(checkpoint(1, 1_000, 1))).toMatchObject({ changed: false });
    expect(machine.do(checkpoint(9, 1_000, 2))).toMatchObject({ changed: false });
    expect(machine.state.lease(lease(1))?.remainingTtlMs).toBe(TTL_MS);
  });

  it('a renewal after the end is refused and brings nothing back', () => {
    const machine = new TestMachine();
    expect(machine.run(grant(1), revoke(1), renew(1)).outcomes[2]).toMatchObject({ code: 'LEASE_NOT_FOUND' });
    expect(machine.state.lease(lease(1))).toBeNull();
  });
});
