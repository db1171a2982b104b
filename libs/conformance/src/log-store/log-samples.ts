import { logIndex, nodeId, term, type HardState, type LogEntry } from '@latchkey/raft';
import type { PersistBatch } from '@latchkey/replica';

export const N1 = nodeId('n1');
export const N2 = nodeId('n2');
export const N3 = nodeId('n3');

export function hardState(currentTerm: number, votedFor: HardState['votedFor'] = null): HardState {
  return { currentTerm: term(currentTerm), votedFor };
}

export function command(index: number, entryTerm: number, data = bytesOf(index, 8)): LogEntry {
  return { type: 'command', index: logIndex(index), term: term(entryTerm), data };
}

export function noop(index: number, entryTerm: number): LogEntry {
  return { type: 'noop', index: logIndex(index), term: term(entryTerm) };
}

export function membership(index: number, entryTerm: number): LogEntry {
  return {
    type: 'membership',
    index: logIndex(index),
    term: term(entryTerm),
    membership: { voters: [N1, N2, N3], votersOutgoing: [N1, N2], learners: [nodeId('a.learner_4-x')] },
  };
}

/** Commands with the indices `from` to `to`. */
export function commands(from: number, to: number, entryTerm: number): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let index = from; index <= to; index += 1) entries.push(command(index, entryTerm));
  return entries;
}

/** Bytes that differ from position to position and from seed to seed. */
export function bytesOf(seed: number, byteCount: number): Uint8Array {
  return Uint8Array.from({ length: byteCount }, (_, position) => (seed * 31 + position * 7) % 256);
}

export function append(...entries: LogEntry[]): PersistBatch {
  return { hardState: null, truncateFrom: null, entries };
}

export function replaceFrom(truncateFrom: number, ...entries: LogEntry[]): PersistBatch {
  return { hardState: null, truncateFrom: logIndex(truncateFrom), entries };
}

export function vote(state: HardState): PersistBatch {
  return { hardState: state, truncateFrom: null, entries: [] };
}
