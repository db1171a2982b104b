import { logIndex, term, type LogIndex, type LogPosition, type Term } from '@latchkey/raft';
import type { StateChanges, StateRow } from '../ports/checkpoint-store.js';
import type { CheckpointedStateMachine, CommittedCommand, StateRestore } from '../ports/state-machine.js';

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

/** So that a few commands make several pages. */
const ROWS_PER_PAGE = 3;

/** Of a restore, after its last row. */
export const PREPARING_STEPS = 4;

/** A replicated list of texts. One row for each. */
export class RecordingStateMachine implements CheckpointedStateMachine<RecordedOutcome> {
  commands: AppliedCommand[] = [];
  lastIndex = 0;
  /** Calls of `takeChanges`. */
  takenCount = 0;
  /** What the driver has told to be durable. */
  readonly savedIndexes: LogIndex[] = [];
  /** How many commands were there when the changes were taken last. */
  private takenCommands = 0;

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

  /** As a bug or a broken memory would: the last command is another one here than everywhere else. */
  goAstray(text: string): void {
    const last = this.commands.pop();
    if (last === undefined) throw new Error('nothing was applied');
    this.commands.push({ ...last, text });
  }

  /** Equal where the same texts were applied. */
  get stateHash(): string {
    return `${this.lastIndex}: ${this.texts.join()}`;
  }

  changesSaved(index: LogIndex): void {
    this.savedIndexes.push(index);
  }

  takeChanges(): StateChanges {
    const changed = this.commands.slice(this.takenCommands);
    this.takenCount += 1;
    this.takenCommands = this.commands.length;
    return {
      *[Symbol.iterator]() {
        for (let from = 0; from < changed.length; from += ROWS_PER_PAGE) {
          yield changed.slice(from, from + ROWS_PER_PAGE).map(rowOf);
        }
      },
    };
  }

  beginRestore(): StateRestore {
    const commands: AppliedCommand[] = [];
    let preparedSteps = 0;
    return {
      add: (rows) => {
        for (const row of rows) commands.push(commandOf(row));
      },
      prepare: () => {
        preparedSteps += 1;
        return preparedSteps < PREPARING_STEPS;
      },
      finish: ({ index }: LogPosition) => {
        if (preparedSteps !== PREPARING_STEPS) throw new Error(`finished after ${preparedSteps} steps`);
        this.commands = commands;
        this.takenCommands = commands.length;
        this.lastIndex = index;
      },
    };
  }
}

function rowOf(command: AppliedCommand): StateRow {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, command.index);
  return { key, value: encoder.encode(JSON.stringify(command)) };
}

/** Rows of a state that was made elsewhere. */
export const rowsOf = (texts: Readonly<Record<number, string>>, inTerm = 1): StateRow[] =>
  Object.entries(texts).map(([index, text]) =>
    rowOf({ index: logIndex(Number(index)), term: term(inTerm), text, proposedAtMs: 0 }),
  );

function commandOf({ value }: StateRow): AppliedCommand {
  return JSON.parse(decoder.decode(value)) as AppliedCommand; // throws for damaged bytes, which is all that matters here
}
