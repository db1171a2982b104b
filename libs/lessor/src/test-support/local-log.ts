import { ReplicaError } from '@latchkey/replica';
import {
  encodeCommandBatch,
  StateMachine,
  type ApplyResult,
  type Command,
  type CommandOrigin,
} from '@latchkey/state-machine';

/** A replicated log of one node: what is proposed is applied at once, by the real state machine. */
export class LocalLog {
  readonly machine = new StateMachine();
  term = 1;
  /** Set: a proposal fails with it instead, and `isApplied` says whether it takes effect all the same. */
  failure: { readonly error: ReplicaError; readonly isApplied: boolean } | null = null;
  readonly proposed: Command[] = [];
  private readonly listeners: ((result: ApplyResult, proposedAtMs: number) => void)[] = [];
  private index = 0;

  onApply(listener: (result: ApplyResult, proposedAtMs: number) => void): void {
    this.listeners.push(listener);
  }

  propose = async (commands: readonly Command[], origin: CommandOrigin = { type: 'none' }): Promise<ApplyResult> => {
    this.proposed.push(...commands);
    const { failure } = this;
    if (failure !== null && !failure.isApplied) throw failure.error;
    const result = this.apply(commands, origin);
    if (failure !== null) throw failure.error;
    return result;
  };

  apply(commands: readonly Command[], origin: CommandOrigin = { type: 'none' }): ApplyResult {
    this.index += 1;
    const command = encodeCommandBatch({ origin, commands });
    const proposedAtMs = 1_700_000_000_000 + this.index;
    const result = this.machine.apply({ index: this.index, term: this.term, proposedAtMs, command });
    for (const listener of this.listeners) listener(result, proposedAtMs);
    return result;
  }
}

export const NO_LEADER = new ReplicaError('NO_LEADER', 'safe', 'no leader');
export const OUTCOME_UNKNOWN = new ReplicaError('OUTCOME_UNKNOWN', 'onlyIfIdempotent', 'lost');
