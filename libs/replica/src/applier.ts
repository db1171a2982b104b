import { InvariantViolation, logIndex, term, type LogEntry, type LogIndex, type Term } from '@latchkey/raft';
import { AppliedTerms } from './applied-terms.js';
import { Fifo } from './fifo.js';
import type { StateMachine } from './ports/state-machine.js';
import { assertEnvelope, commandOf, incarnationOf, proposedAtMsOf, sequenceOf } from './proposal-envelope.js';

export type ApplierOptions<Outcome> = {
  readonly stateMachine: StateMachine<Outcome>;
  readonly incarnation: number;
  /** The outcome of a proposal that this process made. */
  readonly onOwnOutcome: (sequence: number, outcome: Outcome) => void;
};

/** Feeds committed entries to the state machine, in slices, each entry once per process. */
export class Applier<Outcome> {
  private readonly runs = new Fifo<readonly LogEntry[]>();
  /** Entries of the head run that are done. */
  private offset = 0;
  private readonly appliedTerms = new AppliedTerms();
  private lastAppliedIndex = logIndex(0);
  private lastAppliedTerm = term(0);
  private lastTakenIndex = logIndex(0);
  private lastCommittedIndex = logIndex(0);
  private isFirstOfCore = true;

  constructor(private readonly options: ApplierOptions<Outcome>) {}

  get appliedIndex(): LogIndex {
    return this.lastAppliedIndex;
  }

  /** Term of the entry at `appliedIndex`. */
  get appliedTerm(): Term {
    return this.lastAppliedTerm;
  }

  /** The last entry known to be committed, applied or not. */
  get committedIndex(): LogIndex {
    return this.lastCommittedIndex;
  }

  /** Last entry of the present core that was gone through, be it applied now or before. */
  get takenIndex(): LogIndex {
    return this.lastTakenIndex;
  }

  get hasBacklog(): boolean {
    return this.runs.size > 0;
  }

  /** Committed entries, in order. */
  enqueue(entries: readonly LogEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.runs.push(entries);
    if (last.index > this.lastCommittedIndex) this.lastCommittedIndex = last.index;
  }

  /** Applies at most `maxEntries`; gives the number of entries gone through. */
  applySlice(maxEntries: number): number {
    let count = 0;
    for (let run = this.runs.peek(); run !== undefined && count < maxEntries; run = this.runs.peek()) {
      const end = Math.min(run.length, this.offset + maxEntries - count);
      for (let position = this.offset; position < end; position += 1) {
        const entry = run[position];
        if (entry !== undefined) this.take(entry);
      }
      count += end - this.offset;
      this.offset = end;
      if (end < run.length) break;
      this.runs.shift();
      this.offset = 0;
    }
    return count;
  }

  /** The core is built anew and will give every committed entry again; those applied already are not applied twice. */
  restart(): void {
    this.runs.clear();
    this.offset = 0;
    this.isFirstOfCore = true;
  }

  private take(entry: LogEntry): void {
    const follows = this.isFirstOfCore
      ? entry.index <= this.lastAppliedIndex + 1
      : entry.index === this.lastTakenIndex + 1;
    if (!follows) throw this.outOfOrder(entry.index);
    this.isFirstOfCore = false;
    this.lastTakenIndex = entry.index;
    if (entry.index <= this.lastAppliedIndex) {
      this.appliedTerms.assertSame(entry.index, entry.term);
      return;
    }
    this.apply(entry);
    this.lastAppliedIndex = entry.index;
    this.lastAppliedTerm = entry.term;
    this.appliedTerms.record(entry.index, entry.term);
  }

  private apply(entry: LogEntry): void {
    if (entry.type !== 'command') {
      this.options.stateMachine.advance(entry.index, entry.term);
      return;
    }
    const envelope = entry.data;
    assertEnvelope(envelope);
    const outcome = this.options.stateMachine.apply({
      index: entry.index,
      term: entry.term,
      proposedAtMs: proposedAtMsOf(envelope),
      command: commandOf(envelope),
    });
    if (incarnationOf(envelope) === this.options.incarnation) {
      this.options.onOwnOutcome(sequenceOf(envelope), outcome);
    }
  }

  private outOfOrder(index: LogIndex): InvariantViolation {
    return new InvariantViolation(
      `entry ${index} was committed after ${this.lastTakenIndex} (applied up to ${this.lastAppliedIndex})`,
    );
  }
}
