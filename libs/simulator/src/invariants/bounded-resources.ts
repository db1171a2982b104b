import type { Invariant, Report, SentFact, TurnFact } from './invariant.js';

export type ResourceLimits = {
  readonly maxInFlightAppends: number;
  /** Of the entries of one append, unless a single one is larger. */
  readonly maxAppendBytes: number;
};

/** As promised: a larger one would hold up what else its connection carries. */
const MAX_CHUNK_BYTES = 256 * 1024;

/** What a leader sends keeps to its limits. Source: FAILURE-MODES 24, 49, 50; TESTING invariant 17. */
export class BoundedResources implements Invariant {
  readonly name = 'boundedResources';

  constructor(
    private readonly report: Report,
    private readonly limits: ResourceLimits,
  ) {}

  turnEnded({ node, status }: TurnFact): void {
    for (const { peer, inFlightAppends } of status.progress) {
      if (inFlightAppends > this.limits.maxInFlightAppends) {
        this.report(`${inFlightAppends} appends are on their way from ${node} to ${peer}`);
      }
    }
  }

  sent({ from, to, message }: SentFact): void {
    if (message.type === 'snapshotChunk' && message.data.byteLength > MAX_CHUNK_BYTES) {
      this.report(`${from} sent ${message.data.byteLength} bytes of a snapshot at once to ${to}`);
    }
    if (message.type !== 'raft' || message.message.type !== 'appendRequest') return;
    const { entries } = message.message;
    if (entries.length < 2) return;
    let byteCount = 0;
    for (const entry of entries) if (entry.type === 'command') byteCount += entry.data.byteLength;
    if (byteCount > this.limits.maxAppendBytes)
      this.report(`${from} sent ${byteCount} bytes of entries at once to ${to}`);
  }
}
