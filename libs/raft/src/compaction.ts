import { logIndex, type LogIndex } from './ids.js';
import type { Input } from './inputs.js';
import { invariant } from './invariant.js';
import { isRecentlyActive } from './leadership-transfer.js';
import type { Progress } from './progress.js';
import type { RaftState } from './raft-state.js';

type Checkpointed = Extract<Input, { readonly type: 'checkpointed' }>;

/**
 * So much more of the log is kept for peers that live and need it: else a log that is compacted faster than a snapshot
 * travels, or than a slow peer takes entries, would make it need one snapshot after the other (FAILURE-MODES 20).
 */
export const MAX_BYTES_HELD_FOR_PEERS = 64 * 1024 * 1024;

/** Of large entries fewer are kept than the configuration says: they lie in memory. */
export const MAX_TRAILING_BYTES = 32 * 1024 * 1024;

/**
 * The driver's state at `index` is durable outside of the log, which may forget what came before (Raft §7), but for some
 * entries that keep a peer which is only a little behind from needing a whole snapshot.
 * @throws InvariantViolation for a place that was not handed out to be applied
 */
export function handleCheckpointed(state: RaftState, { index }: Checkpointed): void {
  const { log } = state;
  // One that was overtaken by a snapshot of the leader.
  if (index <= (state.snapshot?.index ?? 0)) return;
  invariant(index <= state.handedOutIndex, 'a checkpoint of what was not applied');
  const term = log.termAt(index);
  invariant(term !== null, 'a checkpoint at an entry that the log does not hold');
  state.snapshot = { index, term, membership: log.membershipAt(index) };
  const byCount = logIndex(Math.max(0, index - state.config.trailingEntries));
  const bySize = log.startWithin(index, MAX_TRAILING_BYTES);
  compact(state, byCount > bySize ? byCount : bySize);
}

function compact(state: RaftState, wantedIndex: LogIndex): void {
  const { log } = state;
  const index = lastIndexNotNeeded(state, wantedIndex);
  const term = log.termAt(index);
  if (index <= log.baseIndex || term === null) return;
  const base = { index, term };
  log.compactTo(base);
  state.output.add({ type: 'compactLog', base });
}

/** `wantedIndex`, or less when a peer still needs entries before it and they are not too many. */
function lastIndexNotNeeded(state: RaftState, wantedIndex: LogIndex): LogIndex {
  const { log, leader } = state;
  let index = wantedIndex;
  for (const progress of leader?.progress.values() ?? []) {
    const heldIndex = lastIndexHeldBy(state, progress);
    if (heldIndex === null || heldIndex < log.baseIndex || heldIndex >= index) continue;
    if (log.sizeBytes(heldIndex, wantedIndex) <= MAX_BYTES_HELD_FOR_PEERS) index = heldIndex;
  }
  return index;
}

/** What the peer has, or will have by the snapshot that is on its way; null when it is silent or waits for one. */
function lastIndexHeldBy(state: RaftState, progress: Progress): LogIndex | null {
  const { pendingSnapshot, snapshotBusyUntilMs, matchIndex } = progress;
  if (pendingSnapshot !== null) return state.nowMs < snapshotBusyUntilMs ? pendingSnapshot.index : null;
  return isRecentlyActive(state, progress) ? matchIndex : null;
}
