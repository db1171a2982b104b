import type { ApplyContext } from './apply-context.js';
import { executeCommand } from './command-execution.js';
import { encodeCommandBatch } from './command-batch-codec.js';
import type { Command, CommandBatch, CommandOrigin } from './commands.js';
import type { LeaseId } from './ids.js';
import { assertNever } from './invariant.js';
import type { Outcome } from './outcomes.js';
import { refusal } from './refusal.js';
import { StateHash } from './state-hash.js';

type SessionOrigin = Extract<CommandOrigin, { readonly type: 'session' }>;

/** Executes the commands of a batch in order, each by itself: a repeat beside a new one is answered from memory. */
export function executeBatch(context: ApplyContext, batch: CommandBatch): Outcome[] {
  const { origin, commands } = batch;
  switch (origin.type) {
    case 'none':
      return commands.map((command) => executeCommand(context, command));
    case 'session':
      return executeForSession(context, origin, commands);
    case 'idempotencyKey': {
      const [command, ...others] = commands;
      if (command === undefined || others.length > 0) return [refusal('MALFORMED')];
      return [executeWithKey(context, origin.idempotencyKey, command)];
    }
    default:
      return assertNever(origin);
  }
}

function executeForSession(context: ApplyContext, origin: SessionOrigin, commands: readonly Command[]): Outcome[] {
  const { leases, sessions, hash } = context.state;
  const { leaseId, acknowledgedThrough, sequences } = origin;
  if (sequences.length !== commands.length) return [refusal('MALFORMED')];
  if (leases.has(leaseId) && sessions.acknowledge(leaseId, acknowledgedThrough)) {
    hash.mixText(leaseId);
    hash.mixNumber(acknowledgedThrough);
  }
  return commands.map((command, index) => executeOnce(context, { leaseId, sequence: sequences[index] ?? 0 }, command));
}

function executeOnce(
  context: ApplyContext,
  { leaseId, sequence }: { readonly leaseId: LeaseId; readonly sequence: number },
  command: Command,
): Outcome {
  const { leases, sessions, hash } = context.state;
  // Asked for every command: the one before may have ended the session.
  if (!leases.has(leaseId)) return refusal('SESSION_NOT_FOUND');
  const remembered = sessions.recall(leaseId, sequence);
  if (remembered === 'acknowledged') return refusal('SEQUENCE_ACKNOWLEDGED');
  if (remembered !== null) return remembered;
  // Not remembered itself: the same sequence may be tried again once answers were acknowledged.
  if (sessions.isFull(leaseId)) return refusal('TOO_MANY');
  const outcome = executeCommand(context, command);
  if (!leases.has(leaseId)) return outcome;
  sessions.remember(leaseId, sequence, outcome);
  hash.mixNumber(sequence);
  mixOutcome(hash, outcome);
  return outcome;
}

function executeWithKey(context: ApplyContext, idempotencyKey: string, command: Command): Outcome {
  const { idempotencyKeys, hash } = context.state;
  const commandHash = hashCommand(command);
  const remembered = idempotencyKeys.recall(idempotencyKey);
  if (remembered !== null) {
    return remembered.commandHash === commandHash ? remembered.outcome : refusal('IDEMPOTENCY_KEY_REUSED');
  }
  const outcome = executeCommand(context, command);
  idempotencyKeys.remember(idempotencyKey, { commandHash, outcome });
  hash.mixText(idempotencyKey);
  hash.mixText(commandHash);
  mixOutcome(hash, outcome);
  return outcome;
}

function hashCommand(command: Command): string {
  const hash = new StateHash();
  hash.mixBytes(encodeCommandBatch({ origin: { type: 'none' }, commands: [command] }));
  return hash.digest();
}

function mixOutcome(hash: StateHash, outcome: Outcome): void {
  if (outcome.type === 'refused') hash.mixText(outcome.code);
  else hash.mixNumber(outcome.revision);
}
