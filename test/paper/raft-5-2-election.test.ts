import { describe, expect, it } from 'vitest';
import { nodeId } from '@latchkey/raft';
import { LoneNode } from '../../libs/raft/src/test-support/lone-node.js';
import {
  appendRequest,
  ELECTION_TIMEOUT_MS,
  FIVE_NODES,
  hardState,
  HEARTBEAT_INTERVAL_MS,
  N1,
  N2,
  N3,
  voteRequest,
  voteResponse,
} from '../../libs/raft/src/test-support/raft-builders.js';

const DRAWS = 200;
const SEVEN_NODES = [1, 2, 3, 4, 5, 6, 7].map((number) => nodeId(`n${number}`));

describe('leader election, Raft §5.2', () => {
  it('a server starts as a follower', () => {
    expect(new LoneNode().status).toMatchObject({ role: 'follower', leaderId: null });
    expect(new LoneNode({ hardState: hardState(3, N1) }).status).toMatchObject({ role: 'follower', leaderId: null });
  });

  it('a leader sends heartbeats to all followers in every interval', () => {
    const node = new LoneNode({ voters: FIVE_NODES });
    node.becomeLeader();
    for (let interval = 0; interval < 3; interval += 1) {
      node.takeSent();
      node.advance(HEARTBEAT_INTERVAL_MS);
      const heartbeats = node.takeSent();
      expect(heartbeats.map(({ to }) => to)).toEqual(FIVE_NODES.slice(1));
      for (const { message } of heartbeats) expect(message).toMatchObject({ type: 'appendRequest', entries: [] });
    }
  });

  it('a follower that hears no leader increments its term, votes for itself and asks all others for their votes', () => {
    const node = new LoneNode({ voters: FIVE_NODES, hardState: hardState(1) });
    node.becomeCandidate();
    expect(node.status).toMatchObject({ role: 'candidate', currentTerm: 2, votedFor: N1 });
    const requests = node.takeSent();
    expect(requests.map(({ to }) => to)).toEqual(FIVE_NODES.slice(1));
    for (const { message } of requests) expect(message).toMatchObject({ type: 'voteRequest', term: 2 });
  });

  it('a candidate whose election comes to nothing starts another in a new term', () => {
    const node = new LoneNode({ voters: FIVE_NODES, hardState: hardState(1) });
    node.becomeCandidate();
    node.becomeCandidate();
    expect(node.status).toMatchObject({ role: 'candidate', currentTerm: 3, votedFor: N1 });
    expect(node.takeSent()).toHaveLength(FIVE_NODES.length - 1);
  });

  it.each([
    { size: 1, grants: 0, refusals: 0, role: 'leader' },
    { size: 3, grants: 2, refusals: 0, role: 'leader' },
    { size: 3, grants: 1, refusals: 1, role: 'leader' },
    { size: 3, grants: 1, refusals: 0, role: 'leader' },
    { size: 3, grants: 0, refusals: 2, role: 'candidate' },
    { size: 3, grants: 0, refusals: 0, role: 'candidate' },
    { size: 5, grants: 2, refusals: 2, role: 'leader' },
    { size: 5, grants: 1, refusals: 3, role: 'candidate' },
    { size: 5, grants: 1, refusals: 0, role: 'candidate' },
    { size: 6, grants: 2, refusals: 0, role: 'candidate' },
    { size: 6, grants: 3, refusals: 0, role: 'leader' },
    { size: 7, grants: 3, refusals: 3, role: 'leader' },
    { size: 7, grants: 2, refusals: 4, role: 'candidate' },
  ])('of $size servers, $grants votes beside its own and $refusals refusals leave it $role', (round) => {
    const voters = SEVEN_NODES.slice(0, round.size);
    const node = new LoneNode({ voters });
    node.becomeCandidate();
    const { currentTerm } = node.status;
    const [granting, refusing] = [voters.slice(1, 1 + round.grants), voters.slice(1 + round.grants)];
    for (const voter of granting) node.receive(voter, voteResponse(currentTerm, true));
    for (const voter of refusing.slice(0, round.refusals)) node.receive(voter, voteResponse(currentTerm, false));
    expect(node.status).toMatchObject({ role: round.role, currentTerm });
  });

  it('a server votes for one candidate per term, first come first served, also across a restart', () => {
    const node = new LoneNode();
    node.receive(N2, voteRequest({ term: 1 }));
    node.receive(N3, voteRequest({ term: 1 }));
    expect(node.takeSent()).toMatchObject([
      { to: N2, message: { type: 'voteResponse', voteGranted: true } },
      { to: N3, message: { type: 'voteResponse', voteGranted: false } },
    ]);
    const restarted = new LoneNode({ hardState: node.savedHardState });
    restarted.receive(N3, voteRequest({ term: 1 }));
    restarted.receive(N2, voteRequest({ term: 1 }));
    expect(restarted.takeSent()).toMatchObject([
      { to: N3, message: { type: 'voteResponse', voteGranted: false } },
      { to: N2, message: { type: 'voteResponse', voteGranted: true } },
    ]);
  });

  it.each([0, 1])('a candidate follows a leader whose term is at least its own (%i above)', (above) => {
    const node = new LoneNode();
    node.becomeCandidate();
    const leaderTerm = node.status.currentTerm + above;
    node.receive(N2, appendRequest({ term: leaderTerm }));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: leaderTerm, leaderId: N2 });
  });

  it('a candidate refuses a leader of an older term and stays candidate', () => {
    const node = new LoneNode({ hardState: hardState(1) });
    node.becomeCandidate();
    node.receive(N2, appendRequest({ term: 1 }));
    expect(node.status).toMatchObject({ role: 'candidate', currentTerm: 2, leaderId: null });
  });

  it('a follower draws each election timeout anew from [T, 2T]', () => {
    const node = new LoneNode();
    const timeouts = drawTimeouts(() => {
      node.receive(N2, appendRequest({ term: 1 }));
      return node.nextDeadlineMs - node.nowMs;
    });
    expectSpread(timeouts);
  });

  it('a candidate draws each election timeout anew from [T, 2T]', () => {
    const node = new LoneNode();
    const timeouts = drawTimeouts(() => {
      node.becomeCandidate();
      return node.nextDeadlineMs - node.nowMs;
    });
    expectSpread(timeouts);
  });

  it.each(['follower', 'candidate'])('the timeouts of two servers in the role of %s rarely collide', (role) => {
    const nodes = FIVE_NODES.map((id) => new LoneNode({ voters: FIVE_NODES, config: { nodeId: id } }));
    let collisions = 0;
    for (let round = 0; round < DRAWS; round += 1) {
      const timeouts = nodes.map((node) => {
        if (role === 'candidate') node.becomeCandidate();
        else node.receive(node.id === N2 ? N3 : N2, appendRequest({ term: round + 1 }));
        return node.nextDeadlineMs - node.nowMs;
      });
      const [first = 0, second = 0] = timeouts.sort((left, right) => left - right);
      // The first must win before the second starts: a round of messages and a write.
      if (second - first < ELECTION_TIMEOUT_MS / 100) collisions += 1;
    }
    expect(collisions / DRAWS).toBeLessThan(0.1);
  });
});

function drawTimeouts(draw: () => number): number[] {
  return Array.from({ length: DRAWS }, draw);
}

function expectSpread(timeouts: readonly number[]): void {
  const sorted = timeouts.toSorted((left, right) => left - right);
  expect(sorted[0]).toBeGreaterThanOrEqual(ELECTION_TIMEOUT_MS);
  expect(sorted.at(-1)).toBeLessThanOrEqual(2 * ELECTION_TIMEOUT_MS);
  expect(sorted[0]).toBeLessThan(1.1 * ELECTION_TIMEOUT_MS);
  expect(sorted.at(-1)).toBeGreaterThan(1.9 * ELECTION_TIMEOUT_MS);
  expect(new Set(timeouts).size).toBeGreaterThan(DRAWS / 2);
}
