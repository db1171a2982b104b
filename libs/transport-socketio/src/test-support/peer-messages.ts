import { logIndex, term, type LogEntry } from '@latchkey/raft';
import type { PeerMessage } from '@latchkey/replica';
import { assembleFrame, encodeMessage } from '../peer-codec.js';

export const encodeFrame = (messages: readonly PeerMessage[]): Buffer => assembleFrame(messages.map(encodeMessage));

export const command = (index: number, data: Uint8Array): LogEntry => ({
  type: 'command',
  index: logIndex(index),
  term: term(1),
  data,
});

export const append = (entries: readonly LogEntry[]): PeerMessage => ({
  type: 'raft',
  message: {
    type: 'appendRequest',
    term: term(1),
    prevLogIndex: logIndex(0),
    prevLogTerm: term(0),
    leaderCommit: logIndex(0),
    confirmRound: 0,
    entries,
  },
});

export const chunk = (data: Uint8Array): PeerMessage => ({
  type: 'snapshotChunk',
  transferId: 1,
  leaderTerm: term(1),
  snapshot: { index: logIndex(1), term: term(1), membership: { voters: [], votersOutgoing: [], learners: [] } },
  sequence: 0,
  data,
  checksum: 0,
  isLast: true,
});
