import type { Brand } from './brand.js';
import { invariant, InvariantViolation } from './invariant.js';

/** Raft's logical clock (Raft §5.1). 0 before the first election. */
export type Term = Brand<number, 'Term'>;
/** Position in the log; the first entry has index 1, 0 means "before the first". */
export type LogIndex = Brand<number, 'LogIndex'>;
/** Name of a cluster member, unique in the cluster and stable across restarts. */
export type NodeId = Brand<string, 'NodeId'>;
/** Names one `persist` effect; grows by one for each, starts again at 1 with the process. */
export type PersistId = Brand<number, 'PersistId'>;
/** Names one proposal of this process; chosen by the driver, never reused while the process lives. */
export type ProposalId = Brand<number, 'ProposalId'>;
/** Names one attempt at a linearizable read; each attempt has a fresh one (FAILURE-MODES 22). */
export type ReadId = Brand<number, 'ReadId'>;

export const term = (value: number): Term => naturalNumber(value, 'term') as Term;
export const logIndex = (value: number): LogIndex => naturalNumber(value, 'log index') as LogIndex;
export const persistId = (value: number): PersistId => naturalNumber(value, 'persist id') as PersistId;
export const proposalId = (value: number): ProposalId => naturalNumber(value, 'proposal id') as ProposalId;
export const readId = (value: number): ReadId => naturalNumber(value, 'read id') as ReadId;

export function nodeId(value: string): NodeId {
  invariant(/^[A-Za-z0-9_.-]{1,64}$/.test(value), `not a node id: ${JSON.stringify(value)}`);
  return value as NodeId;
}

function naturalNumber(value: number, what: string): number {
  // Several per entry: the message is built only when it is needed.
  if (!Number.isSafeInteger(value) || value < 0) throw new InvariantViolation(`not a ${what}: ${value}`);
  return value;
}
