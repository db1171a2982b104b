import type { Command, Comparison, CommandOrigin, Operation, QueueSpace } from './commands.js';

/** Numbers of the batch encoding. They stand in logs: never changed, never given twice. */
export const ORIGIN_TYPES = ['none', 'session', 'idempotencyKey'] as const satisfies readonly CommandOrigin['type'][];

export const COMMAND_TYPES = [
  'put',
  'delete',
  'range',
  'transaction',
  'leaseGrant',
  'leaseRevoke',
  'leaseExpire',
  'leaseCheckpoint',
  'leaseRenew',
  'queueEnter',
  'queueLeave',
  'queueEvict',
  'compact',
] as const satisfies readonly (Command | Operation)['type'][];

export const QUEUE_SPACES = ['locks', 'elections'] as const satisfies readonly QueueSpace[];

export const COMPARISON_RESULTS = [
  'equal',
  'notEqual',
  'greater',
  'less',
] as const satisfies readonly Comparison['result'][];

export const COMPARISON_TARGETS = [
  'version',
  'createRevision',
  'modRevision',
  'value',
  'lease',
] as const satisfies readonly Comparison['target'][];

export const PUT_FLAGS = { lease: 1, expected: 2, wantPrevious: 4, keepValue: 8, keepLease: 16 } as const;
export const DELETE_FLAGS = { expected: 1, wantPrevious: 2 } as const;

/** How a range is written: a single key, the usual case, needs no second bound. */
export const RANGE_FORMS = { singleKey: 0, bounded: 1, unbounded: 2 } as const;

/** Nesting that a decoder follows before it gives up; more than `apply` takes, so that it is a refusal there. */
export const MAX_DECODED_DEPTH = 64;
