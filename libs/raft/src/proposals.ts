import { sendNewEntriesToAll } from './append-sender.js';
import type { ProposalRefusal } from './effects.js';
import { ENTRY_OVERHEAD_BYTES } from './entry-size.js';
import { logIndex } from './ids.js';
import type { Proposal } from './inputs.js';
import type { LogEntry } from './log-entry.js';
import type { LeaderState, RaftState } from './raft-state.js';

/**
 * Appends what the leader has room for, as one batch, and sends it on (Raft §5.3). Once one is refused for lack of room
 * so are those after it: a caller's second proposal must not overtake its first.
 */
export function handlePropose(state: RaftState, proposals: readonly Proposal[]): void {
  const { leader, log, currentTerm, output } = state;
  if (leader === null) {
    for (const { proposalId } of proposals) refuse(state, proposalId, 'notLeader');
    return;
  }
  if (leader.transfer !== null) {
    // The log of the target could otherwise never be as long as this one (Raft thesis §3.10).
    for (const { proposalId } of proposals) refuse(state, proposalId, 'transferring');
    return;
  }
  const entries: LogEntry[] = [];
  let freeBytes = state.config.maxUncommittedBytes - uncommittedBytes(state, leader);
  let lastIndex = log.lastIndex;
  for (const { proposalId, data } of proposals) {
    const sizeBytes = data.byteLength + ENTRY_OVERHEAD_BYTES;
    if (sizeBytes > state.config.maxUncommittedBytes) {
      refuse(state, proposalId, 'tooLarge');
    } else if (sizeBytes > freeBytes) {
      freeBytes = 0;
      refuse(state, proposalId, 'overloaded');
    } else {
      freeBytes -= sizeBytes;
      lastIndex = logIndex(lastIndex + 1);
      entries.push({ type: 'command', index: lastIndex, term: currentTerm, data });
      output.add({ type: 'proposalAppended', proposalId, index: lastIndex, term: currentTerm });
    }
  }
  const first = entries[0];
  if (first === undefined) return;
  log.append(entries);
  state.durability.noteAppended(first.index);
  sendNewEntriesToAll(state, leader);
}

/** Appended by this leader and not committed: what a leader that is cut off could pile up (FAILURE-MODES 24). */
function uncommittedBytes({ log, commitIndex }: RaftState, { firstIndexOfTerm }: LeaderState): number {
  const after = logIndex(Math.max(commitIndex, firstIndexOfTerm - 1));
  return log.sizeBytes(after, log.lastIndex);
}

function refuse(state: RaftState, proposalId: Proposal['proposalId'], reason: ProposalRefusal): void {
  state.output.add({ type: 'proposalRefused', proposalId, reason });
}
