import {
  logIndex,
  nodeId,
  term,
  type HardState,
  type LogEntry,
  type LogPosition,
  type Membership,
} from '@latchkey/raft';
import type { DurableState, PersistBatch } from '@latchkey/replica';

export const N1 = nodeId('n1');
export const N2 = nodeId('n2');
export const N3 = nodeId('n3');

/** Everything that a membership can carry. `__proto__` is a good name for a node, and a trap for whoever builds objects. */
export const FULL_MEMBERSHIP: Membership = {
  voters: [N1, N2, nodeId('__proto__')],
  votersOutgoing: [N1],
  learners: [N3],
  addresses: Object.fromEntries([
    ['n3', 'https://üñí.example:4001/peer?a=1'],
    ['__proto__', '127.0.0.1:4002'],
  ]),
};

export function hardState(currentTerm: number, votedFor: HardState['votedFor'] = null): HardState {
  return { currentTerm: term(currentTerm), votedFor };
}

export function position(index: number, entryTerm: number): LogPosition {
  return { index: logIndex(index), term: term(entryTerm) };
}

/** What a store loads that was never compacted and has no checkpoint. */
export function durableState(state: HardState, entries: readonly LogEntry[]): DurableState {
  return { hardState: state, base: position(0, 0), entries, checkpoint: null };
}

export function command(index: number, entryTerm: number, data = bytesOf(index, 8)): LogEntry {
  return { type: 'command', index: logIndex(index), term: term(entryTerm), data };
}

export function noop(index: number, entryTerm: number): LogEntry {
  return { type: 'noop', index: logIndex(index), term: term(entryTerm) };
}

const JOINT_MEMBERSHIP: Membership = {
  voters: [N1, N2, N3],
  votersOutgoing: [N1, N2],
  learners: [nodeId('a.learner_4-x')],
};

export function membership(index: number, entryTerm: number, content = JOINT_MEMBERSHIP): LogEntry {
  return { type: 'membership', index: logIndex(index), term: term(entryTerm), membership: content };
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
