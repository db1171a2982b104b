import {
  encodeCommandBatch,
  leaseId,
  revision,
  type ApplyResult,
  type Command,
  type CommandOrigin,
} from '@latchkey/state-machine';
import type { DirectCluster } from './direct-cluster.js';
import { SESSION, SESSION_TTL_MS } from './work-load.js';

/** Older versions are compacted away, so that the state is as large in the last measurement as in the first. */
const KEPT_REVISIONS = 10_000;
const REVISIONS_BETWEEN_TIDYING = 2_000;

/** One client with a session at the leader: the next batch begins when the last one is answered. */
export class SessionWriter {
  readonly lease = leaseId(SESSION);
  private lastSequence = 0;

  private constructor(private readonly cluster: DirectCluster) {}

  static async open(cluster: DirectCluster): Promise<SessionWriter> {
    const writer = new SessionWriter(cluster);
    await writer.propose({ type: 'none' }, [{ type: 'leaseGrant', leaseId: writer.lease, ttlMs: SESSION_TTL_MS }]);
    return writer;
  }

  async write(commands: readonly Command[]): Promise<void> {
    const acknowledgedThrough = this.lastSequence;
    const sequences = commands.map(() => (this.lastSequence += 1));
    await this.propose({ type: 'session', leaseId: this.lease, acknowledgedThrough, sequences }, commands);
  }

  /** Brings memory back to what it was. */
  async tidy(): Promise<void> {
    const oldest = this.cluster.leader.machine.revision - KEPT_REVISIONS;
    if (oldest < this.cluster.leader.machine.compactRevision + REVISIONS_BETWEEN_TIDYING) return;
    await this.propose({ type: 'none' }, [{ type: 'compact', revision: revision(oldest) }]);
    await this.cluster.checkpoint();
  }

  /** @throws when anything was refused: that would be cheap, and is not what is to be measured */
  private async propose(origin: CommandOrigin, commands: readonly Command[]): Promise<void> {
    const result: ApplyResult = await this.cluster.leader.replica.propose(encodeCommandBatch({ origin, commands }));
    if (result.outcomes.length !== commands.length) throw new Error('a batch was answered in part');
    for (const outcome of result.outcomes) {
      if (outcome.type === 'refused' || outcome.type === 'held') throw new Error(`a write was ${outcome.type}`);
    }
  }
}
