import { describe, expect, it } from 'vitest';
import { problemsOfStates, type NodeState } from './state-agreement.js';

const SEEN_REVISION = 40;

const statesWith = (...changes: readonly Partial<NodeState>[]): readonly NodeState[] =>
  ['n1', 'n2', 'n3'].map((nodeId, at) => ({
    nodeId,
    appliedIndex: 50,
    revision: SEEN_REVISION,
    stateHash: 'a1b2',
    ...changes[at],
  }));

describe('agreement of the states of all nodes', () => {
  it('is there when index and hash are the same everywhere', () => {
    expect(problemsOfStates(statesWith(), SEEN_REVISION)).toEqual([]);
  });

  it('is broken by one other hash, and the problem says whose', () => {
    const [problem] = problemsOfStates(statesWith({}, { stateHash: 'ffff' }), SEEN_REVISION);
    expect(problem).toContain('n2 ffff at 50');
  });

  it('is broken by a node that has applied less, or that tells no hash', () => {
    expect(problemsOfStates(statesWith({ appliedIndex: 49 }), SEEN_REVISION)).toHaveLength(1);
    const silent = { stateHash: '' };
    expect(problemsOfStates(statesWith(silent, silent, silent), SEEN_REVISION)).toHaveLength(3);
  });

  it('is broken by nodes that agree on having forgotten what was seen', () => {
    const back = { revision: SEEN_REVISION - 1 };
    expect(problemsOfStates(statesWith(back, back, back), SEEN_REVISION)).toHaveLength(3);
  });
});
