import { key, revision } from '@latchkey/state-machine';
import { describe, expect, it } from 'vitest';
import { applied, grant, lease, watched, wrote } from '../test-support/facts.js';
import { EffectOnce } from './effect-once.js';
import { GrowingTokens } from './growing-tokens.js';
import { LeaseLifetime } from './lease-lifetime.js';
import { LockBelief } from './lock-belief.js';
import { OneLockHolder } from './one-lock-holder.js';
import { WatchOrder } from './watch-order.js';

const TTL_MS = 1_000;

describe('invariants of locks', () => {
  const leaves = (number: number) => ({
    revision: revision(9),
    proposedAtMs: 0,
    events: [
      {
        type: 'delete',
        key: key(`locks/a/${lease(number)}`),
        modRevision: revision(9),
        previous: {
          key: key(`locks/a/${lease(number)}`),
          value: new Uint8Array(0),
          createRevision: revision(1),
          modRevision: revision(1),
          version: 1,
          leaseId: lease(number),
          updatedAtMs: 0,
        },
      } as const,
    ],
  });

  it('one lock holder: objects to a grant of a lock that nobody has left', () => {
    const { invariant, reports } = watched((report) => new OneLockHolder(report));
    invariant.applied(applied(1, { did: { grants: [grant(1, 2)] } }));
    invariant.applied(applied(2, { did: { revisions: [leaves(1)], grants: [grant(2, 3)] } }));
    expect(reports).toEqual([]);
    invariant.applied(applied(3, { did: { grants: [grant(3, 4)] } }));
    expect(reports).toHaveLength(1);
  });

  it('one lock holder: lets one entry end one holder after the other', () => {
    const { invariant, reports } = watched((report) => new OneLockHolder(report));
    invariant.applied(applied(1, { did: { grants: [grant(1, 2)] } }));
    const did = { revisions: [leaves(1), leaves(2)], grants: [grant(2, 3), grant(3, 4)] };
    invariant.applied(applied(2, { did }));
    expect(reports).toEqual([]);
  });

  it('one lock holder: objects to a lease that ends and keeps its lock', () => {
    const { invariant, reports } = watched((report) => new OneLockHolder(report));
    invariant.applied(applied(1, { did: { grants: [grant(1, 2)] } }));
    const leaseChanges = [{ type: 'ended', leaseId: lease(1), reason: 'expired' }] as const;
    invariant.applied(applied(2, { did: { leaseChanges } }));
    expect(reports).toHaveLength(1);
  });

  it('growing tokens: objects to a token that was given before', () => {
    const { invariant, reports } = watched((report) => new GrowingTokens(report));
    invariant.applied(applied(1, { did: { grants: [grant(1, 7), grant(1, 3, 'b')] } }));
    expect(reports).toEqual([]);
    invariant.applied(applied(2, { did: { grants: [grant(2, 7)] } }));
    expect(reports).toHaveLength(1);
  });

  it('lock belief: objects to a grant while somebody else still believes, not after', () => {
    const { invariant, reports } = watched((report) => new LockBelief(report));
    invariant.lockBelieved({ lock: 'locks/a', leaseId: lease(1), believesUntilMs: TTL_MS });
    invariant.applied(applied(1, { nowMs: TTL_MS + 1, did: { grants: [grant(2, 3)] } }));
    expect(reports).toEqual([]);
    invariant.lockBelieved({ lock: 'locks/a', leaseId: lease(2), believesUntilMs: 3 * TTL_MS });
    invariant.applied(applied(2, { nowMs: 2 * TTL_MS, did: { grants: [grant(3, 4)] } }));
    expect(reports).toHaveLength(1);
  });
});

describe('invariants of leases and sessions', () => {
  const expired = { leaseChanges: [{ type: 'ended', leaseId: lease(1), reason: 'expired' }] } as const;

  it('lease lifetime: objects to a lease that ends early, whether the promise came before or after', () => {
    const early = watched((report) => new LeaseLifetime(report));
    early.invariant.leaseConfirmed({ leaseId: lease(1), aliveUntilMs: TTL_MS });
    early.invariant.applied(applied(1, { nowMs: TTL_MS - 1, did: expired }));
    expect(early.reports).toHaveLength(1);
    const late = watched((report) => new LeaseLifetime(report));
    late.invariant.applied(applied(1, { nowMs: TTL_MS - 1, did: expired }));
    late.invariant.leaseConfirmed({ leaseId: lease(1), aliveUntilMs: TTL_MS });
    expect(late.reports).toHaveLength(1);
  });

  it('lease lifetime: lets a lease end in time, and an owner revoke it early', () => {
    const { invariant, reports } = watched((report) => new LeaseLifetime(report));
    invariant.leaseConfirmed({ leaseId: lease(1), aliveUntilMs: TTL_MS });
    invariant.leaseConfirmed({ leaseId: lease(2), aliveUntilMs: TTL_MS });
    invariant.applied(applied(1, { nowMs: TTL_MS, did: expired }));
    const revoked = { leaseChanges: [{ type: 'ended', leaseId: lease(2), reason: 'revoked' }] } as const;
    invariant.applied(applied(2, { nowMs: 1, did: revoked }));
    expect(reports).toEqual([]);
  });

  it('lease lifetime: objects to a lease that comes back', () => {
    const { invariant, reports } = watched((report) => new LeaseLifetime(report));
    const granted = { leaseChanges: [{ type: 'granted', leaseId: lease(1), ttlMs: TTL_MS }] } as const;
    invariant.applied(applied(1, { did: granted }));
    invariant.applied(applied(2, { did: expired }));
    expect(reports).toEqual([]);
    invariant.applied(applied(3, { did: granted }));
    expect(reports).toHaveLength(1);
  });

  it('effect once: objects to a value that is written a second time', () => {
    const { invariant, reports } = watched((report) => new EffectOnce(report));
    invariant.applied(applied(1, { did: { revisions: [wrote(2, 'kv/1', 'v1'), wrote(3, 'kv/1', 'v2')] } }));
    expect(reports).toEqual([]);
    invariant.applied(applied(2, { did: { revisions: [wrote(4, 'kv/2', 'v1')] } }));
    expect(reports).toEqual(['v1 was written at revision 2 and again at 4']);
  });
});

describe('invariants of watches', () => {
  function following() {
    const subject = watched((report) => new WatchOrder(report));
    const revisions = [2, 3, 4].map((at) => wrote(at, 'kv/1', `v${at}`));
    subject.invariant.applied(applied(1, { did: { revisions } }));
    subject.invariant.restarted('w', 2);
    return subject;
  }

  it('watch order: lets a watcher follow, and go on after a compaction where it says', () => {
    const { invariant, reports } = following();
    invariant.watched({ watcher: 'w', events: wrote(2, 'kv/1', 'v2') });
    invariant.restarted('w', 4);
    invariant.watched({ watcher: 'w', events: wrote(4, 'kv/1', 'v4') });
    expect(reports).toEqual([]);
  });

  it.each([
    ['a gap', wrote(3, 'kv/1', 'v3')],
    ['another event than was applied', wrote(2, 'kv/1', 'forged')],
  ])('watch order: objects to %s', (_, events) => {
    const { invariant, reports } = following();
    invariant.watched({ watcher: 'w', events });
    expect(reports).toHaveLength(1);
  });

  it('watch order: objects to a revision that is told twice', () => {
    const { invariant, reports } = following();
    for (let time = 0; time < 2; time += 1) invariant.watched({ watcher: 'w', events: wrote(2, 'kv/1', 'v2') });
    expect(reports).toHaveLength(1);
  });
});
