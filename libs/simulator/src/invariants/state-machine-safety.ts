import type { AppliedFact, Invariant, Report, RestoredFact } from './invariant.js';

type Reference = { readonly term: number; readonly command: Uint8Array | null; readonly stateHash: string | null };

/**
 * Every node applies the same entry at an index and is in the same state after it, also when it applies it again after
 * a restart, and when a checkpoint or a snapshot brought it there. Source: Raft Figure 3, State Machine Safety; FAILURE-MODES 34, 45.
 */
export class StateMachineSafety implements Invariant {
  readonly name = 'stateMachineSafety';
  private readonly references: Reference[] = [];

  constructor(private readonly report: Report) {}

  applied({ node, index, term, command, stateHash }: AppliedFact): void {
    const reference = this.references[index];
    if (reference === undefined) {
      this.references[index] = { term, command, stateHash };
    } else if (reference.term !== term || !isSame(reference.command, command)) {
      this.report(
        `${node} applied another entry at ${index} (term ${term}) than a node before (term ${reference.term})`,
      );
    } else if (stateHash !== null && reference.stateHash !== stateHash) {
      this.report(`${node} came to state ${stateHash} at ${index}; another node came to ${reference.stateHash}`);
    }
  }

  restored({ node, position: { index, term }, stateHash }: RestoredFact): void {
    const reference = this.references[index];
    if (reference?.term !== term || reference.stateHash !== stateHash) {
      const expected = reference === undefined ? 'nobody was there' : `it is ${reference.stateHash}/${reference.term}`;
      this.report(`${node} was restored to state ${stateHash}/${term} at ${index}; ${expected}`);
    }
  }
}

function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  if (one.byteLength !== other.byteLength) return false;
  // Nodes share the bytes of an entry, which stay as they are.
  if (one.buffer === other.buffer && one.byteOffset === other.byteOffset) return true;
  for (let index = 0; index < one.byteLength; index += 1) if (one[index] !== other[index]) return false;
  return true;
}
