import type { PeerMessage } from '@latchkey/replica';

/**
 * Nodes share no memory that anybody writes to: lists and byte arrays are copied, save those of log entries, which nobody may
 * change any more; that they did not is checked at the end of a run (`DiskImage.firstChanged`).
 */
export function copyOfMessage(message: PeerMessage): PeerMessage {
  switch (message.type) {
    case 'raft': {
      const raft = message.message;
      if (raft.type !== 'appendRequest' || raft.entries.length === 0) return message;
      return { type: 'raft', message: { ...raft, entries: raft.entries.slice() } };
    }
    case 'forwardProposals':
      return { type: 'forwardProposals', proposals: message.proposals.map((proposal) => proposal.slice()) };
    case 'leaderRequest':
    case 'leaderResponse':
      return { ...message, body: message.body.slice() };
    case 'snapshotChunk':
      return { ...message, data: message.data.slice() };
    case 'snapshotProgress':
    case 'proposalsRefused':
    case 'leaderRequestRefused':
    case 'membersWanted':
    case 'members':
    case 'identity':
    case 'stateHashWanted':
    case 'stateHash':
      return message;
  }
}
