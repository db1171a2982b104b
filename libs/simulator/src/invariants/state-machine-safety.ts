import type { AppliedFact, Invariant, Report } from './invariant.js';

type Reference = { readonly term: number; readonly commandHash: number; readonly stateHash: string };

/**
 * Every node applies the same entry at an index and is in the same state after it, also when it applies it again after
 * a restart. Source: Raft Figure 3, State Machine Safety; FAILURE-MODES 34, 45.
 */
export class StateMachineSafety implements Invariant {
  readonly name = 'stateMachineSafety';
  private readonly references: Reference[] = [];

  constructor(private readonly report: Report) {}

  applied({ node, index, term, commandHash, stateHash }: AppliedFact): void {
    const reference = this.references[index];
    if (reference === undefined) {
      this.references[index] = { term, commandHash, stateHash };
    } else if (reference.term !== term || reference.commandHash !== commandHash) {
      this.report(
        `${node} applied another entry at ${index} (term ${term}) than a node before (term ${reference.term})`,
      );
    } else if (reference.stateHash !== stateHash) {
      this.report(`${node} came to state ${stateHash} at ${index}; another node came to ${reference.stateHash}`);
    }
  }
}
