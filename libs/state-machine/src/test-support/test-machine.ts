import { encodeCommandBatch } from '../command-batch-codec.js';
import type { Command, CommandOrigin } from '../commands.js';
import type { Outcome } from '../outcomes.js';
import type { ApplyResult } from '../state-machine-api.js';
import { StateMachine, type StateMachineOptions } from '../state-machine.js';
import { lease } from './commands.js';

const FIRST_WALL_CLOCK_MS = 1_700_000_000_000;

/** A state machine that is fed through its codec, one entry after the other. */
export class TestMachine {
  readonly state: StateMachine;
  term = 1;

  constructor(options: StateMachineOptions = {}) {
    this.state = new StateMachine(options);
  }

  apply(origin: CommandOrigin, commands: readonly Command[]): ApplyResult {
    const index = this.state.lastApplied + 1;
    const proposedAtMs = FIRST_WALL_CLOCK_MS + index;
    return this.state.apply({
      index,
      term: this.term,
      proposedAtMs,
      command: encodeCommandBatch({ origin, commands }),
    });
  }

  /** One entry with these commands. */
  run(...commands: Command[]): ApplyResult {
    return this.apply({ type: 'none' }, commands);
  }

  /** The outcome of one command. */
  do(command: Command): Outcome {
    return only(this.run(command).outcomes);
  }

  /** One entry of a session: its commands by sequence. */
  session(number: number, acknowledgedThrough: number, commands: ReadonlyMap<number, Command>): readonly Outcome[] {
    const sequences = [...commands.keys()];
    const origin: CommandOrigin = { type: 'session', leaseId: lease(number), acknowledgedThrough, sequences };
    return this.apply(origin, [...commands.values()]).outcomes;
  }

  withKey(idempotencyKey: string, command: Command): Outcome {
    return only(this.apply({ type: 'idempotencyKey', idempotencyKey }, [command]).outcomes);
  }
}

function only(outcomes: readonly Outcome[]): Outcome {
  const [outcome] = outcomes;
  if (outcome === undefined || outcomes.length > 1) throw new Error(`expected one outcome, not ${outcomes.length}`);
  return outcome;
}
