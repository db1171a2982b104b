/** Of a node's status, what must agree. */
export type NodeState = {
  readonly nodeId: string;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly stateHash: string;
};

/**
 * @param states of all nodes, while nobody writes
 * @param latestRevision that any client or node has seen so far
 * @returns every way in which they contradict each other or what was seen before, told for a person
 */
export function problemsOfStates(states: readonly NodeState[], latestRevision: number): readonly string[] {
  const problems: string[] = [];
  if (different(states.map(({ appliedIndex }) => appliedIndex)) || different(states.map(hashOf))) {
    const told = states.map((state) => `${state.nodeId} ${hashOf(state)} at ${state.appliedIndex}`).join(', ');
    problems.push(`the states differ: ${told}`);
  }
  for (const { nodeId, revision, stateHash } of states) {
    if (stateHash === '') problems.push(`${nodeId} tells no state hash`);
    if (!(revision >= latestRevision))
      problems.push(`${nodeId} is at revision ${revision}, after ${latestRevision} was seen`);
  }
  return problems;
}

const hashOf = ({ stateHash }: NodeState) => stateHash;
const different = (values: readonly unknown[]) => new Set(values).size !== 1;
