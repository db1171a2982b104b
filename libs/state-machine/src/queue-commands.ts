import { commitRevision, type ApplyContext } from './apply-context.js';
import type { Command } from './commands.js';
import { key } from './ids.js';
import { invariant } from './invariant.js';
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from './limits.js';
import type { Outcome, QueueHolder } from './outcomes.js';
import { queueKey } from './queue-key.js';
import type { QueueMember } from './queue.js';
import { refusal } from './refusal.js';

type CommandOf<Type extends Command['type']> = Extract<Command, { readonly type: Type }>;

export function executeQueueEnter(context: ApplyContext, command: CommandOf<'queueEnter'>): Outcome {
  const { keySpace, leases, queues } = context.state;
  const { leaseId, value } = command;
  const queuedKey = key(queueKey(command));
  if (command.name === '') return refusal('MALFORMED');
  if (queuedKey.length > MAX_KEY_BYTES || value.length > MAX_VALUE_BYTES) return refusal('TOO_LARGE');
  if (!leases.has(leaseId)) return refusal('LEASE_NOT_FOUND');
  const place = queues.find(command);
  const holder = queues.holder(command.space, command.name);
  if (!command.wait && holder !== null && place?.holding !== true) {
    return { type: 'held', revision: keySpace.revision, holder: describe(holder) };
  }
  if (place !== null) return placed(context, place);
  if (keySpace.get(queuedKey) !== null) return refusal('QUEUE_PLACE_LOST');
  keySpace.put(queuedKey, { content: value, leaseId }, context.proposedAtMs);
  commitRevision(context);
  const entered = queues.find(command);
  invariant(entered !== null, `${queuedKey} was put and stands in no queue`);
  return placed(context, entered);
}

export function executeQueueLeave(context: ApplyContext, command: CommandOf<'queueLeave'>): Outcome {
  const { keySpace, queues } = context.state;
  const place = queues.find(command);
  if (place === null) return { type: 'queueLeft', revision: keySpace.revision, left: false, fencingToken: null };
  if (command.onlyIfWaiting && place.holding) {
    const fencingToken = place.record.createRevision;
    return { type: 'queueLeft', revision: keySpace.revision, left: false, fencingToken };
  }
  removeFromQueue(context, place);
  return { type: 'queueLeft', revision: keySpace.revision, left: true, fencingToken: null };
}

export function executeQueueEvict(context: ApplyContext, command: CommandOf<'queueEvict'>): Outcome {
  const { keySpace, queues } = context.state;
  const evicted = queues.holder(command.space, command.name);
  if (evicted === null) return { type: 'evicted', revision: keySpace.revision, holder: null };
  const holder = describe(evicted);
  removeFromQueue(context, evicted);
  return { type: 'evicted', revision: keySpace.revision, holder };
}

/** One revision, in which the next in line is granted as well. */
function removeFromQueue(context: ApplyContext, member: QueueMember): void {
  context.state.keySpace.delete(member.record.key, context.proposedAtMs);
  commitRevision(context);
}

function placed(context: ApplyContext, member: QueueMember): Outcome {
  const { revision } = context.state.keySpace;
  const { createRevision } = member.record;
  if (member.holding) return { type: 'acquired', revision, fencingToken: createRevision };
  return { type: 'queued', revision, createRevision, position: member.queue.positionOf(member) };
}

const describe = ({ place, record }: QueueMember): QueueHolder => ({
  key: record.key,
  leaseId: place.leaseId,
  record,
});
