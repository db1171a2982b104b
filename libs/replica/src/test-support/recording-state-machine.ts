import type { LogIndex, Term } from '@latchkey/raft';
import type { CommittedCommand, StateMachine } from '../ports/state-machine.js';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export type AppliedCommand = {
  readonly index: LogIndex;
  readonly term: Term;
  readonly text: string;
  readonly proposedAtMs: number;
};
export type RecordedOutcome = { readonly index: LogIndex; readonly text: string };

export const textCommand = (text: string): Uint8Array => encoder.encode(text);

/** A replicated list of texts. */
export class RecordingStateMachine implements StateMachine<RecordedOutcome> {
  readonly commands: AppliedCommand[] = [];
  lastIndex = 0;

  get texts(): string[] {
    return this.commands.map(({ text }) => text);
  }

  apply(entry: CommittedCommand): RecordedOutcome {
    this.advance(entry.index);
    const text = decoder.decode(entry.command);
    this.commands.push({ index: entry.index, term: entry.term, text, proposedAtMs: entry.proposedAtMs });
    return { index: entry.index, text };
  }

  advance(index: LogIndex): void {
    if (index !== this.lastIndex + 1) throw new Error(`entry ${index} was given after ${this.lastIndex}`);
    this.lastIndex = index;
  }
}
