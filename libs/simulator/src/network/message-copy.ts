import type { LogEntry } from '@latchkey/raft';
import type { PeerMessage } from '@latchkey/replica';

/** Nodes share no memory: every byte array that a message carries is copied. */
export function copyOfMessage(message: PeerMessage): PeerMessage {
  switch (message.type) {
    case 'raft': {
      const raft = message.message;
      if (raft.type !== 'appendRequest' || raft.entries.length === 0) return message;
      return { type: 'raft', message: { ...raft, entries: raft.entries.map(copyOfEntry) } };
    }
    case 'forwardProposals':
      return { type: 'forwardProposals', proposals: message.proposals.map((proposal) => proposal.slice()) };
    case 'leaderRequest':
    case 'leaderResponse':
      return { ...message, body: message.body.slice() };
    case 'proposalsRefused':
    case 'leaderRequestRefused':
      return message;
  }
}

function copyOfEntry(entry: LogEntry): LogEntry {
  return entry.type === 'command' ? { ...entry, data: entry.data.slice() } : entry;
}
