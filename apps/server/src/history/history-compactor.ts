import { ReplicaError } from '@latchkey/replica';
import { revision, type ApplyResult, type Command, type StateReader } from '@latchkey/state-machine';

export type HistoryCompactorOptions = {
  readonly reader: Pick<StateReader, 'revision' | 'compactRevision'>;
  /** Revisions to keep; 0 = all. */
  readonly keptRevisions: number;
  /** @throws ReplicaError */
  readonly propose: (commands: readonly Command[]) => Promise<ApplyResult>;
};

/** So that not every write makes one. */
const SLACK = 1.1;

/** Keeps the history from growing for ever: on the leader, which proposes a compaction when there is a tenth too much. */
export class HistoryCompactor {
  private leads = false;
  private isProposing = false;

  constructor(private readonly options: HistoryCompactorOptions) {}

  start(): void {
    this.leads = true;
    this.applied();
  }

  stop(): void {
    this.leads = false;
  }

  /** To be called after every applied entry. */
  applied(): void {
    const { reader, keptRevisions } = this.options;
    if (!this.leads || this.isProposing || keptRevisions === 0) return;
    if (reader.revision - reader.compactRevision <= keptRevisions * SLACK) return;
    this.isProposing = true;
    void this.compact(reader.revision - keptRevisions);
  }

  private async compact(target: number): Promise<void> {
    try {
      await this.options.propose([{ type: 'compact', revision: revision(target) }]);
    } catch (error) {
      // The next write tries again, or the next leader.
      if (!(error instanceof ReplicaError)) throw error;
    } finally {
      this.isProposing = false;
    }
  }
}
