import { key, revision } from '@latchkey/state-machine';
import { describe, expect, it } from 'vitest';
import { applied, grant, lease, watched, wrote } from '../test-support/facts.js';
import { NO_BELIEFS, type LockBelief, type SessionBelief } from './client-beliefs.js';
import { EffectOnce } from './effect-once.js';
import { GrowingTokens } from './growing-tokens.js';
import { LeaseLifetime } from './lease-lifetime.js';
import { LockBeliefs } from './lock-belief.js';
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

  describe('lock belief', () => {
    const HOLDER = { client: 'l1', lock: 'locks/a', fencingToken: 3, toleranceMs: 0 };
    const SURE = { ...HOLDER, remainingMs: TTL_MS, isPaused: false, isAborted: false };
    const TOLD = { ...HOLDER, remainingMs: 0, isPaused: false, isAborted: true };
    const granting = (belief: LockBelief, token = 4) => {
      const beliefs = () => ({ ...NO_BELIEFS, locks: () => [belief] });
      const { invariant, reports } = watched((report) => new LockBeliefs(report, beliefs));
      invariant.applied(applied(1, { did: { grants: [grant(2, token)] } }));
      return reports;
    };

    it('objects to a grant while somebody else still counts on the lock', () => {
      expect(granting(SURE)).toHaveLength(1);
    });

    it('objects when the deadline has passed and nobody has told the program, unless that stands still', () => {
      expect(granting({ ...TOLD, isAborted: false })).toHaveLength(1);
      expect(granting({ ...TOLD, isAborted: false, isPaused: true })).toEqual([]);
    });

    it('lets the lock go on when its holder knows that it is lost, and tells a holder its own grant', () => {
      expect(granting(TOLD)).toEqual([]);
      expect(granting(SURE, SURE.fencingToken)).toEqual([]);
    });

    it('excuses what the clocks of the run make unavoidable, and no more', () => {
      expect(granting({ ...SURE, toleranceMs: TTL_MS })).toEqual([]);
      expect(granting({ ...SURE, toleranceMs: TTL_MS - 1 })).toHaveLength(1);
    });
  });
});

describe('invariants of leases and sessions', () => {
  const expired = { leaseChanges: [{ type: 'ended', leaseId: lease(1), reason: 'expired' }] } as const;

  const granted = { leaseChanges: [{ type: 'granted', leaseId: lease(1), ttlMs: TTL_MS }] } as const;
  const lifetime = (session: Partial<SessionBelief> | null) => {
    const belief = { leaseId: lease(1), remainingMs: 0, toleranceMs: 0, ...session };
    const beliefs = () => ({ ...NO_BELIEFS, sessions: () => (session === null ? [] : [belief]) });
    return watched((report) => new LeaseLifetime(report, beliefs));
  };

  it('lease lifetime: objects to a lease that ends while its owner counts on it', () => {
    const { invariant, reports } = lifetime({ remainingMs: 1 });
    invariant.applied(applied(1, { did: granted }));
    expect(reports).toEqual([]);
    invariant.applied(applied(2, { did: expired }));
    expect(reports).toHaveLength(1);
  });

  it('lease lifetime: objects to an owner who is told that an ended lease lives', () => {
    const session = { remainingMs: 0 };
    const beliefs = () => ({ ...NO_BELIEFS, sessions: () => [{ leaseId: lease(1), toleranceMs: 0, ...session }] });
    const { invariant, reports } = watched((report) => new LeaseLifetime(report, beliefs));
    invariant.applied(applied(1, { did: expired }));
    expect(reports).toEqual([]);
    session.remainingMs = TTL_MS;
    invariant.applied(applied(2, { did: { leaseChanges: [{ type: 'renewed', leaseId: lease(2) }] } }));
    expect(reports).toHaveLength(1);
  });

  it('lease lifetime: lets a lease end that nobody counts on, or no more than the clocks excuse', () => {
    for (const session of [null, { remainingMs: 5, toleranceMs: 5 }, { leaseId: lease(2), remainingMs: 9 }]) {
      const { invariant, reports } = lifetime(session);
      invariant.applied(applied(1, { did: expired }));
      expect(reports).toEqual([]);
    }
  });

  it('lease lifetime: objects to a lease that comes back', () => {
    const { invariant, reports } = lifetime(null);
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
  const EVENTS = [wrote(2, 'kv/1', 'v2'), wrote(3, 'kv/1', 'v3'), wrote(4, 'locks/a', 'v4'), wrote(5, 'kv/2', 'v5')];
  const told = (revision: number, name: string, text: string) => {
    const value = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return { watcher: 'w', revision, events: [{ key: name, put: { version: 1, value } }] };
  };

  function following(prefix: string) {
    const subject = watched((report) => new WatchOrder(report));
    subject.invariant.applied(applied(1, { did: { revisions: EVENTS } }));
    subject.invariant.restarted('w', { prefix, nextRevision: 2 });
    return subject;
  }

  it('watch order: lets a watcher follow, and go on after a compaction where it says', () => {
    const { invariant, reports } = following('');
    invariant.watched(told(2, 'kv/1', 'v2'));
    invariant.restarted('w', { prefix: '', nextRevision: 4 });
    invariant.watched(told(4, 'locks/a', 'v4'));
    expect(reports).toEqual([]);
  });

  it('watch order: lets a watcher of a part miss what is none of it, and nothing else', () => {
    const { invariant, reports } = following('kv/');
    invariant.watched(told(2, 'kv/1', 'v2'));
    invariant.watched(told(3, 'kv/1', 'v3'));
    invariant.watched(told(5, 'kv/2', 'v5'));
    expect(reports).toEqual([]);
  });

  it.each([
    ['a gap', told(3, 'kv/1', 'v3')],
    ['another value than was applied', told(2, 'kv/1', 'v9')],
    ['another key than was applied', told(2, 'kv/2', 'v2')],
    ['a delete that was a put', { watcher: 'w', revision: 2, events: [{ key: 'kv/1', put: null }] }],
    ['a revision without its events', { watcher: 'w', revision: 2, events: [] }],
  ])('watch order: objects to %s', (_, fact) => {
    const { invariant, reports } = following('kv/');
    invariant.watched(fact);
    expect(reports).toHaveLength(1);
  });

  it('watch order: objects to a revision that is told twice', () => {
    const { invariant, reports } = following('kv/');
    for (let time = 0; time < 2; time += 1) invariant.watched(told(2, 'kv/1', 'v2'));
    expect(reports).toHaveLength(1);
  });
});
