import type { ClusterView } from './cluster-view.js';
import type { Invariant, Report, SentFact } from './invariant.js';

/**
 * A node whose store has lost something gives no vote and confirms no entry, nor says anything else in Raft, before it has
 * begun anew. Source: FAILURE-MODES 32.
 */
export class SilentWhenLost implements Invariant {
  readonly name = 'silentWhenLost';

  constructor(
    private readonly report: Report,
    private readonly view: ClusterView,
  ) {}

  sent({ from, message }: SentFact): void {
    const disk = this.view.disks.get(from);
    const isLost = disk?.damage?.type === 'lost' || (disk?.identity?.lost ?? null) !== null;
    if (message.type !== 'raft' || !isLost) return;
    this.report(`${from} sent a ${message.message.type}, and its disk has lost what it held`);
  }
}
