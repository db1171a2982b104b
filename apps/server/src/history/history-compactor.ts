import { ReplicaError, type Clock, type Timer } from '@latchkey/replica';
import { revision, type ApplyResult, type Command, type StateReader } from '@latchkey/state-machine';
import { RevisionAges } from './revision-ages.js';

export type HistoryCompactorOptions = {
  readonly clock: Clock;
  readonly reader: Pick<StateReader, 'revision' | 'compactRevision'>;
  /** Revisions to keep; 0 = all. */
  readonly keptRevisions: number;
  /** What is older goes, however little it is; 0 = nothing goes for its age. */
  readonly maxAgeMs: number;
  /** @throws ReplicaError */
  readonly propose: (commands: readonly Command[]) => Promise<ApplyResult>;
};

/** So that not every write makes one. */
const SLACK = 1.1;

/**
 * Keeps the history from growing for ever, and from outliving its use: on the leader, which proposes a compaction when there
 * is a tenth too much, or when some of it is too old. Every node takes the time, since each may lead one day.
 */
export class HistoryCompactor {
  private leads = false;
  private isProposing = false;
  private timer: Timer | null = null;
  private readonly ages: RevisionAges | null;

  constructor(private readonly options: HistoryCompactorOptions) {
    this.ages = options.maxAgeMs === 0 ? null : new RevisionAges(options.maxAgeMs);
    if (this.ages !== null) this.takeTime(this.ages);
  }

  start(): void {
    this.leads = true;
    this.applied();
  }

  stop(): void {
    this.leads = false;
  }

  /** Called by Nest when the node stops. */
  onModuleDestroy(): void {
    this.timer?.cancel();
  }

  /** To be called after every applied entry. */
  applied(): void {
    const { reader, keptRevisions } = this.options;
    if (!this.leads || this.isProposing || keptRevisions === 0) return;
    if (reader.revision - reader.compactRevision <= keptRevisions * SLACK) return;
    this.compact(reader.revision - keptRevisions);
  }

  private takeTime(ages: RevisionAges): void {
    const { clock, reader } = this.options;
    ages.note(reader.revision, clock.nowMs());
    this.dropExpired(ages);
    this.timer = clock.setTimer(ages.stepMs, () => this.takeTime(ages));
  }

  private dropExpired(ages: RevisionAges): void {
    const expired = ages.latestExpired(this.options.clock.nowMs());
    if (expired === null || !this.leads || this.isProposing) return;
    if (expired > this.options.reader.compactRevision) this.compact(expired);
  }

  private compact(target: number): void {
    this.isProposing = true;
    void this.propose([{ type: 'compact', revision: revision(target) }]);
  }

  private async propose(commands: readonly Command[]): Promise<void> {
    try {
      await this.options.propose(commands);
    } catch (error) {
      // The next write tries again, or the next leader.
      if (!(error instanceof ReplicaError)) throw error;
    } finally {
      this.isProposing = false;
    }
  }
}
