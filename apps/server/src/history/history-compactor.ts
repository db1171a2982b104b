import { ReplicaError, type Clock, type Timer } from '@latchkey/replica';
import { revision, type ApplyResult, type Command, type StateReader } from '@latchkey/state-machine';
import { RevisionAges } from './revision-ages.js';
import { RevisionSizes } from './revision-sizes.js';

export type HistoryCompactorOptions = {
  readonly clock: Clock;
  readonly reader: Pick<StateReader, 'revision' | 'compactRevision'>;
  /** Revisions to keep; 0 = all. */
  readonly keptRevisions: number;
  /** Keys and values of the revisions to keep; what is beyond goes, unless all revisions are to be kept. */
  readonly maxBytes: number;
  /** What is older goes, however little it is; 0 = nothing goes for its age. */
  readonly maxAgeMs: number;
  /** @throws ReplicaError */
  readonly propose: (commands: readonly Command[]) => Promise<ApplyResult>;
};

/** So that not every write makes one. */
const SLACK = 1.1;

/**
 * Keeps the history from growing for ever, and from outliving its use: on the leader, which proposes a compaction when there
 * is a tenth too much, or when some of it is too old, or takes too much memory. Every node takes time and size, since each may
 * lead one day.
 */
export class HistoryCompactor {
  private leads = false;
  private isProposing = false;
  private timer: Timer | null = null;
  private readonly ages: RevisionAges | null;
  private readonly sizes: RevisionSizes;

  constructor(private readonly options: HistoryCompactorOptions) {
    this.sizes = new RevisionSizes(options.maxBytes);
    this.ages = options.maxAgeMs === 0 ? null : new RevisionAges(options.maxAgeMs);
    if (this.ages !== null) this.takeTime(this.ages);
  }

  start(): void {
    this.leads = true;
    this.look();
  }

  stop(): void {
    this.leads = false;
  }

  /** Called by Nest when the node stops. */
  onModuleDestroy(): void {
    this.timer?.cancel();
  }

  /** To be called with every applied entry. */
  applied(result: Pick<ApplyResult, 'revisions'>): void {
    this.sizes.note(result);
    this.look();
  }

  private look(): void {
    const { reader, keptRevisions } = this.options;
    if (!this.leads || this.isProposing || keptRevisions === 0) return;
    const isTooLong = reader.revision - reader.compactRevision > keptRevisions * SLACK;
    const target = Math.max(isTooLong ? reader.revision - keptRevisions : 0, this.sizes.latestExcess() ?? 0);
    if (target > reader.compactRevision) this.compact(target);
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
