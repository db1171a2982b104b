import { invariant, type LogIndex, type Term } from '@latchkey/raft';

/** Term changes that are remembered; older entries are no longer compared. */
const MAX_TERM_CHANGES = 1_024;

/** Which term each applied entry had, kept as the places where it changed. */
export class AppliedTerms {
  private readonly changes: {
    readonly firstIndex: LogIndex;
    readonly term: Term;
  }[] = [];

  record(index: LogIndex, term: Term): void {
    if (this.changes.at(-1)?.term === term) return;
    this.changes.push({ firstIndex: index, term });
    if (this.changes.length > MAX_TERM_CHANGES) this.changes.shift();
  }

  /** Everything up to `index` was applied by somebody else; its terms are not known here, except for the last one. */
  restartAt(index: LogIndex, term: Term): void {
    this.changes.length = 0;
    if (index > 0) this.record(index, term);
  }

  /**
   * An entry that was applied before comes again, after the core was built anew from the store.
   * @throws InvariantViolation when it is another one: what was committed has changed (Raft Figure 3, State Machine Safety)
   */
  assertSame(index: LogIndex, term: Term): void {
    const applied = this.changes.findLast((change) => change.firstIndex <= index);
    if (applied === undefined) return;
    invariant(
      applied.term === term,
      `entry ${index} was applied with term ${applied.term} and comes again with ${term}`,
    );
  }
}
