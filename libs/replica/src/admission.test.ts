import { logIndex, nodeId, type Membership } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { Admission, type AdmissionAnswer } from './admission.js';
import type { StandingKind } from './store-standing.js';

const N1 = nodeId('n1');
const N2 = nodeId('n2');
const N3 = nodeId('n3');
const N4 = nodeId('n4');
const THREE: Membership = { voters: [N1, N2, N3], votersOutgoing: [], learners: [] };
const NOBODY: Membership = { voters: [], votersOutgoing: [], learners: [] };
/** While n1 was away n2 and n3 were given other stores, and n4 came. */
const LATER: Membership = { voters: [N2, N3, N4], votersOutgoing: [], learners: [N1] };
const OWN_INDEX = 20;
const LATER_INDEX = 30;
const GRACE_MS = 100;

function admissionOf(kind: StandingKind): Admission {
  return new Admission({
    nodeId: N1,
    graceMs: GRACE_MS,
    standing: {
      kind,
      membership: kind === 'joining' ? NOBODY : THREE,
      membershipIndex: logIndex(kind === 'returning' ? OWN_INDEX : 0),
      initialMembership: kind === 'joining' ? NOBODY : THREE,
      possibleVoters: kind === 'joining' ? [] : THREE.voters,
    },
  });
}

const answer = (verdict: AdmissionAnswer['verdict'], of: Partial<AdmissionAnswer> = {}): AdmissionAnswer => ({
  verdict,
  hasFounded: true,
  membership: THREE,
  membershipIndex: logIndex(OWN_INDEX),
  ...of,
});
const without = { membership: { ...THREE, voters: [N2, N3] }, membershipIndex: logIndex(LATER_INDEX) };
const withFour: Membership = { ...THREE, voters: [N2, N3, N4] };
const later = { membership: LATER, membershipIndex: logIndex(LATER_INDEX) };

describe('a node that has taken part before', () => {
  it('takes part when a majority has welcomed it and nobody else objects in time', () => {
    const admission = admissionOf('returning');
    admission.judged(N2, 'welcome');
    admission.answered(N2, answer('welcome'));
    expect(admission.decide(0)).toEqual({ type: 'wait' });
    expect(admission.decide(GRACE_MS - 1)).toEqual({ type: 'wait' });
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'admitted' });
  });

  it('does not when one of the others says in that time that it has lost something', () => {
    const admission = admissionOf('returning');
    for (const peer of [N2, N3]) admission.judged(peer, 'welcome');
    admission.answered(N2, answer('welcome'));
    expect(admission.decide(0)).toEqual({ type: 'wait' });
    admission.answered(N3, answer('behind', { membershipIndex: logIndex(1) }));
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'lost', reason: 'behind' });
  });

  it('waits when those who welcome it have stores that it does not know', () => {
    const admission = admissionOf('returning');
    for (const peer of [N2, N3]) {
      admission.judged(peer, 'replaced');
      admission.answered(peer, answer('welcome'));
    }
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'wait' });
  });

  it('believes them when they know of a later membership: they were given other stores while it was away', () => {
    const admission = admissionOf('returning');
    for (const peer of [N2, N3]) {
      admission.judged(peer, 'replaced');
      admission.answered(peer, answer('welcome', later));
    }
    admission.decide(0);
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'admitted' });
  });

  it('is not shaken by one that was away itself, and remembers a store that was given up since', () => {
    const admission = admissionOf('returning');
    for (const peer of [N2, N3]) admission.judged(peer, 'welcome');
    admission.answered(N2, answer('welcome'));
    admission.answered(N3, answer('replaced'));
    admission.decide(0);
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'admitted' });
    admission.answered(N3, answer('replaced', later));
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'lost', reason: 'replaced' });
  });

  it('is removed when a majority of a later membership is without it, and only then', () => {
    const admission = admissionOf('returning');
    for (const peer of [N2, N3]) admission.judged(peer, 'welcome');
    for (const peer of [N2, N3]) {
      admission.answered(peer, answer('notMember', { ...without, membershipIndex: logIndex(OWN_INDEX) }));
    }
    expect(admission.decide(0)).toEqual({ type: 'wait' });
    admission.answered(N2, answer('notMember', without));
    expect(admission.decide(0)).toEqual({ type: 'wait' });
    admission.answered(N3, answer('notMember', without));
    expect(admission.decide(0)).toEqual({ type: 'removed' });
  });

  it('is not, when that is said by one who was removed later and does not know that this node is back', () => {
    const admission = admissionOf('returning');
    for (const peer of [N2, N3, N4]) admission.judged(peer, 'welcome');
    admission.answered(N4, answer('notMember', { membership: withFour, membershipIndex: logIndex(LATER_INDEX) }));
    expect(admission.decide(0)).toEqual({ type: 'wait' });
    const back = { membership: THREE, membershipIndex: logIndex(LATER_INDEX + 2) };
    for (const peer of [N2, N3]) admission.answered(peer, answer('welcome', back));
    expect(admission.decide(0)).toEqual({ type: 'admitted' });
  });
});

describe('a founder', () => {
  it('has lost what it held when the cluster was founded, and gives it no vote', () => {
    const admission = admissionOf('founding');
    admission.judged(N2, 'welcome');
    admission.answered(N2, answer('noVote', later));
    expect(admission.decide(0)).toEqual({ type: 'lost', reason: 'replaced' });
  });

  it('takes part when every other one has welcomed it', () => {
    const admission = admissionOf('founding');
    for (const peer of [N2, N3]) {
      expect(admission.decide(10 * GRACE_MS)).toEqual({ type: 'wait' });
      admission.judged(peer, 'welcome');
      admission.answered(peer, answer('welcome', { hasFounded: false, membershipIndex: logIndex(0) }));
    }
    expect(admission.decide(10 * GRACE_MS)).toEqual({ type: 'admitted' });
  });

  it('takes part when a majority has, and one of them has founded already', () => {
    const admission = admissionOf('founding');
    admission.judged(N2, 'welcome');
    admission.answered(N2, answer('welcome', { membershipIndex: logIndex(0) }));
    admission.decide(0);
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'admitted' });
  });
});

describe('a founder whose store somebody does not know', () => {
  const FIVE: Membership = { ...THREE, voters: [N1, N2, N3, N4, nodeId('n5')] };

  it('may be one that only begins, and the others decide', () => {
    const admission = admissionOf('founding');
    for (const peer of [N2, N3]) admission.judged(peer, 'welcome');
    admission.answered(N3, answer('unknown'));
    expect(admission.decide(0)).toEqual({ type: 'wait' });
    admission.answered(N2, answer('welcome'));
    admission.decide(0);
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'admitted' });
  });

  it('has to give up its vote when a majority of the voters do not', () => {
    const admission = admissionOf('founding');
    const unknown = answer('unknown', { membership: FIVE });
    for (const [peer, decision] of [
      [N2, 'wait'],
      [N3, 'wait'],
      [N4, 'lost'],
    ] as const) {
      admission.judged(peer, 'welcome');
      admission.answered(peer, unknown);
      expect(admission.decide(0)).toMatchObject({ type: decision });
    }
  });

  it('is not judged by those whose own stores are not believed', () => {
    const admission = admissionOf('founding');
    for (const peer of [N2, N3]) {
      admission.judged(peer, 'behind');
      admission.answered(peer, answer('unknown'));
    }
    expect(admission.decide(0)).toEqual({ type: 'wait' });
  });
});

describe('a node that joins', () => {
  it('takes part when a majority of the voters has said that it has no vote', () => {
    const admission = admissionOf('joining');
    expect(admission.decide(10 * GRACE_MS)).toEqual({ type: 'wait' });
    for (const peer of [N2, N3]) {
      admission.judged(peer, 'welcome');
      admission.answered(peer, answer('noVote', later));
    }
    admission.decide(0);
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'admitted' });
  });

  it('waits when it has a vote, and has lost what it held when somebody knows what that was', () => {
    const admission = admissionOf('joining');
    for (const peer of [N2, N3]) {
      admission.judged(peer, 'welcome');
      admission.answered(peer, answer('noVote'));
    }
    admission.decide(0);
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'wait' });
    admission.answered(N3, answer('replaced'));
    expect(admission.decide(GRACE_MS)).toEqual({ type: 'lost', reason: 'replaced' });
  });
});
