import type { Effect } from './effects.js';
import type { NodeId, PersistId } from './ids.js';
import type { RaftMessage } from './messages.js';

/** The effects of one step, in the order in which they arise. The step's write and role change are put before them. */
export class StepOutput {
  private effects: Effect[] = [];

  add(effect: Effect): void {
    this.effects.push(effect);
  }

  send(to: NodeId, message: RaftMessage, afterPersist: PersistId | null): void {
    this.effects.push({ type: 'send', to, message, afterPersist });
  }

  take(): Effect[] {
    const { effects } = this;
    this.effects = [];
    return effects;
  }
}
