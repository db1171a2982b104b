import { describe, expect, it } from 'vitest';
import { LoneNode } from '../../libs/raft/src/test-support/lone-node.js';
import {
  appendAccepted,
  entriesOfTerms,
  FIVE_NODES,
  hardState,
  N2,
  N3,
  preVoteRequest,
  termsOf,
  voteRequest,
} from '../../libs/raft/src/test-support/raft-builders.js';

/** Terms of the voter's log against those of the candidate's. */
const UP_TO_DATE_CASES = [
  { voter: [1], candidate: [1], isGranted: true },
  { voter: [1], candidate: [1, 1], isGranted: true },
  { voter: [1, 1], candidate: [1], isGranted: false },
  { voter: [1], candidate: [2], isGranted: true },
  { voter: [1, 1], candidate: [2], isGranted: true },
  { voter: [2], candidate: [1], isGranted: false },
  { voter: [2], candidate: [1, 1], isGranted: false },
  { voter: [], candidate: [1], isGranted: true },
  { voter: [1], candidate: [], isGranted: false },
];

describe('safety of elections, Raft §5.4.1', () => {
  it.each([[[1]], [[1, 2]], [[1, 1, 3]]])(
    'vote requests tell the last index and term of the candidate, here %j',
    (terms) => {
      const node = new LoneNode({ entries: entriesOfTerms(...terms) });
      node.becomeCandidate();
      const request = { type: 'voteRequest', lastLogIndex: terms.length, lastLogTerm: terms.at(-1) };
      expect(node.takeSent()).toMatchObject([
        { to: N2, message: request },
        { to: N3, message: request },
      ]);
    },
  );

  it.each(UP_TO_DATE_CASES)('a voter with $voter grants a candidate with $candidate: $isGranted', (logs) => {
    const lastLog = { term: 3, lastLogIndex: logs.candidate.length, lastLogTerm: logs.candidate.at(-1) ?? 0 };
    const asked = (): LoneNode => new LoneNode({ entries: entriesOfTerms(...logs.voter), hardState: hardState(2) });
    const voter = asked();
    voter.receive(N2, voteRequest(lastLog));
    expect(voter.takeSentTo(N2)).toMatchObject([{ type: 'voteResponse', voteGranted: logs.isGranted }]);
    const preVoter = asked();
    preVoter.receive(N2, preVoteRequest(lastLog));
    expect(preVoter.takeSentTo(N2)).toMatchObject([{ type: 'preVoteResponse', voteGranted: logs.isGranted }]);
  });
});

describe('committing entries from previous terms, Raft §5.4.2', () => {
  it.each([
    { accepted: 1, commits: 0 },
    { accepted: 2, commits: 0 },
    { accepted: 3, commits: 3 },
  ])('a majority holding entries 1..$accepted of terms 1 2 and the own 3 commits up to $commits', (round) => {
    const node = new LoneNode({ entries: entriesOfTerms(1, 2), hardState: hardState(2) });
    node.becomeLeader();
    expect(termsOf(node.log)).toEqual([1, 2, 3]);
    node.receive(N2, appendAccepted(3, round.accepted));
    expect(node.status.commitIndex).toBe(round.commits);
  });

  it('does not commit the entry of Figure 8 (c) though a majority holds it, and commits it with the next of its own', () => {
    // S1 led in term 2, was replaced by S5 in term 3, and leads again in term 4: entry 2/2 is on S1, S2 and S3.
    const s1 = new LoneNode({ voters: FIVE_NODES, entries: entriesOfTerms(1, 2), hardState: hardState(3) });
    s1.becomeLeader();
    const figure8Index = 2;
    s1.receive(N2, appendAccepted(4, figure8Index));
    s1.receive(N3, appendAccepted(4, figure8Index));
    expect(s1.status.commitIndex).toBe(0);
    const ownIndex = 3;
    s1.receive(N2, appendAccepted(4, ownIndex));
    s1.receive(N3, appendAccepted(4, ownIndex));
    expect(s1.status.commitIndex).toBe(ownIndex);
  });
});
