import type { ProposeOptions, Replica } from '@latchkey/replica';
import { encodeCommandBatch, type ApplyResult, type Command, type CommandOrigin } from '@latchkey/state-machine';

const NO_ORIGIN: CommandOrigin = { type: 'none' };

/** Puts commands into the replicated log. */
export class Proposer {
  constructor(private readonly replica: () => Replica<ApplyResult>) {}

  /** One log entry. Outcomes come in the order of the commands. @throws ReplicaError */
  propose(
    commands: readonly Command[],
    origin: CommandOrigin = NO_ORIGIN,
    options?: ProposeOptions,
  ): Promise<ApplyResult> {
    return this.replica().propose(encodeCommandBatch({ origin, commands }), options);
  }
}
