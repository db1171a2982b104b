import { latestSnapshot, sendEmptyAppend } from './append-sender.js';
import type { Input } from './inputs.js';
import type { Progress } from './progress.js';
import type { RaftState } from './raft-state.js';

type SnapshotTransferEnded = Extract<Input, { readonly type: 'snapshotTransferEnded' }>;

/**
 * Begins to send a snapshot to a peer that needs one, unless one is on its way (Raft §7). Called when the peer has just
 * answered, and only then: a peer that is silent would be sent a snapshot for nothing. Until then, and until it has the
 * snapshot, heartbeats ask whether it holds the entry at which the snapshot stands.
 */
export function sendSnapshotIfDue(state: RaftState, progress: Progress): void {
  if (progress.state !== 'snapshot' || state.nowMs < progress.snapshotBusyUntilMs) return;
  const snapshot = latestSnapshot(state);
  // It may be newer than the one that was the latest when the peer fell behind.
  progress.awaitSnapshot(snapshot);
  progress.snapshotBusyUntilMs = Infinity;
  state.output.add({ type: 'sendSnapshot', to: progress.peer, snapshot });
}

/**
 * What was delivered counts when the peer says so itself, so it is asked at once. Rejections that are still on their way
 * from before do not bring on another snapshot; that it is refused for an election timeout does.
 */
export function handleSnapshotTransferEnded(state: RaftState, { peer, delivered }: SnapshotTransferEnded): void {
  const { leader } = state;
  const progress = leader?.progress.get(peer);
  if (leader === null || progress?.state !== 'snapshot') return;
  if (!delivered) {
    progress.snapshotFailed();
    return;
  }
  progress.snapshotBusyUntilMs = state.nowMs + state.config.electionTimeoutMs;
  sendEmptyAppend(state, leader, progress);
}
