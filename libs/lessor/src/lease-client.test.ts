import { describe, expect, it } from 'vitest';
import { leaseId } from '@latchkey/state-machine';
import { NO_LEADER } from './test-support/local-log.js';
import { ManualClock } from './test-support/manual-clock.js';
import { LeaseClient } from './lease-client.js';
import type { RenewAnswer } from './lessor.js';
import { remainingMsOf } from './remaining-ms.js';

const LEASE = leaseId('0000000000000001');
const OTHER = leaseId('0000000000000002');
const TTL_MS = 1_000;
const JOURNEY_MS = 40;

function world(answerTo: (leaseIds: readonly string[]) => readonly RenewAnswer[] | Error) {
  const clock = new ManualClock();
  const questions: { type: string; leaseIds: string[] }[] = [];
  const client = new LeaseClient({
    clock,
    askLeader: async (body) => {
      const question: { type: string; leaseIds: string[] } = JSON.parse(new TextDecoder().decode(body));
      questions.push(question);
      await new Promise<void>((resolve) => clock.setTimer(JOURNEY_MS, resolve));
      const answers = answerTo(question.leaseIds);
      if (answers instanceof Error) throw answers;
      return new TextEncoder().encode(JSON.stringify(answers));
    },
  });
  return { clock, client, questions };
}

const full: RenewAnswer = { ttlMs: TTL_MS, remainingMs: TTL_MS };

describe('what a node knows of a lease', () => {
  it('asks for all renewals of one turn together', async () => {
    const { clock, client, questions } = world((ids) => ids.map((id) => (id === LEASE ? full : 'gone')));
    const renewals = Promise.all([client.renew(LEASE), client.renew(OTHER)]);
    await clock.advance(JOURNEY_MS);
    expect(await renewals).toEqual([{ ttlMs: TTL_MS, remainingMs: TTL_MS - JOURNEY_MS }, null]);
    expect(questions).toEqual([{ type: 'renew', leaseIds: [LEASE, OTHER] }]);
  });

  it('counts what the leader said from when it was asked, so that it never claims too much', async () => {
    const { clock, client } = world(() => [full]);
    const renewal = client.renew(LEASE);
    await clock.advance(JOURNEY_MS);
    await renewal;
    expect(client.knownRemainingMs(LEASE)).toBe(TTL_MS - JOURNEY_MS);
    await clock.advance(TTL_MS);
    expect(client.knownRemainingMs(LEASE)).toBeNull();
  });

  it('forgets a lease that has ended', () => {
    const { clock, client } = world(() => [full]);
    client.granted(LEASE, TTL_MS, clock.nowMs());
    expect(client.knownRemainingMs(LEASE)).toBe(TTL_MS);
    const leaseChanges = [{ type: 'ended', leaseId: LEASE, reason: 'expired' }] as const;
    client.applied({ outcomes: [], revisions: [], grants: [], leaseChanges });
    expect(client.knownRemainingMs(LEASE)).toBeNull();
  });

  it('asks again while an expiry decides', async () => {
    let attempts = 0;
    const { clock, client } = world(() => [(attempts += 1) < 3 ? 'ending' : 'gone']);
    const renewal = client.renew(LEASE);
    await clock.advance(TTL_MS);
    expect(await renewal).toBeNull();
    expect(attempts).toBe(3);
  });

  it('claims nothing when no leader can be asked', async () => {
    const { clock, client } = world(() => NO_LEADER);
    const remaining = remainingMsOf(client, LEASE);
    await clock.advance(JOURNEY_MS);
    expect(await remaining).toBe(0);
  });
});
