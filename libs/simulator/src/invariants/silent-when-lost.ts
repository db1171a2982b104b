import type { NodeId } from '@latchkey/raft';
import type { ClusterView } from './cluster-view.js';
import type { DiskView, Invariant, Report, SentFact } from './invariant.js';
import { voterSetsOf } from './quorum.js';

/**
 * A node whose store has lost something gives no vote and confirms no entry, nor says anything else in Raft, before it has
 * begun anew, or its vote was taken from it. Source: FAILURE-MODES 32.
 */
export class SilentWhenLost implements Invariant {
  readonly name = 'silentWhenLost';
  /** Histories that go on without what they have lost. */
  private readonly goingOn = new Set<string>();

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  sent({ from, message }: SentFact): void {
    const disk = this.view.disks.get(from);
    if (message.type !== 'raft' || disk === undefined) return;
    const isLost = disk.damage?.type === 'lost' && !this.mayGoOn(from, disk);
    if (!isLost && (disk.identity?.lost ?? null) === null) return;
    this.report(`${from} sent a ${message.message.type}, and its disk has lost what it held`);
  }

  /**
   * On what a node without a vote holds nobody counts. When it is started in that state, it may come back with what it has;
   * and it has what the others have before it is given another vote.
   */
  private mayGoOn(node: NodeId, { historyCount }: DiskView): boolean {
    const history = `${node} ${historyCount}`;
    const latest = this.view.memberships.at(-1)?.membership;
    const hasVote = latest !== undefined && voterSetsOf(latest).some((voters) => voters.includes(node));
    if (!hasVote) this.goingOn.add(history);
    return this.goingOn.has(history);
  }
}
