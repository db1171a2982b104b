import type { ApplyContext } from './apply-context.js';
import type { Command } from './commands.js';
import { assertNever } from './invariant.js';
import {
  executeLeaseCheckpoint,
  executeLeaseExpire,
  executeLeaseGrant,
  executeLeaseRenew,
  executeLeaseRevoke,
} from './lease-commands.js';
import { executeDelete, executePut } from './operations.js';
import type { Outcome } from './outcomes.js';
import { executeQueueEnter, executeQueueEvict, executeQueueLeave } from './queue-commands.js';
import { executeTransaction } from './transaction.js';

/** Executes one command: it takes effect as a whole, under at most one revision, or is refused. */
export function executeCommand(context: ApplyContext, command: Command): Outcome {
  switch (command.type) {
    case 'put':
      return executePut(context, command);
    case 'delete':
      return executeDelete(context, command);
    case 'transaction':
      return executeTransaction(context, command);
    case 'leaseGrant':
      return executeLeaseGrant(context, command);
    case 'leaseRevoke':
      return executeLeaseRevoke(context, command);
    case 'leaseExpire':
      return executeLeaseExpire(context, command);
    case 'leaseCheckpoint':
      return executeLeaseCheckpoint(context, command);
    case 'leaseRenew':
      return executeLeaseRenew(context, command);
    case 'queueEnter':
      return executeQueueEnter(context, command);
    case 'queueLeave':
      return executeQueueLeave(context, command);
    case 'queueEvict':
      return executeQueueEvict(context, command);
    case 'compact':
      return executeCompact(context, command);
    default:
      return assertNever(command);
  }
}

function executeCompact({ state }: ApplyContext, command: Extract<Command, { readonly type: 'compact' }>): Outcome {
  const refused = state.keySpace.compact(command.revision);
  if (refused !== null) return refused;
  state.hash.mixText('compacted');
  state.hash.mixNumber(command.revision);
  return { type: 'compacted', revision: state.keySpace.revision, compactRevision: command.revision };
}
