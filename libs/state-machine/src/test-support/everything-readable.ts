import { key, revision } from '../ids.js';
import { prefixRange } from '../key-range.js';
import type { StateMachine } from '../state-machine.js';
import { KEYS, LEASES, LOCKS } from './arbitrary-history.js';
import { lease } from './commands.js';
import { withPlainRecords } from './expect-same.js';

const SAMPLED_REVISIONS = 12;
const ALL = { range: prefixRange(''), limit: 0, keysOnly: false };

/** What all readers of a machine answer; of old revisions a sample, with the ones at the edge of what is compacted. */
export function everythingReadable(machine: StateMachine) {
  return withPlainRecords(answersOf(machine));
}

/** As `everythingReadable`, with records as they are: some may be cold. */
export function answersOf(machine: StateMachine) {
  const { revision: now, compactRevision, stateHash, lastApplied } = machine;
  const step = Math.max(1, Math.floor((now - compactRevision) / SAMPLED_REVISIONS));
  const revisions: number[] = [Math.max(0, compactRevision - 1), compactRevision, compactRevision + 1, now, now + 1];
  for (let at: number = compactRevision; at <= now; at += step) revisions.push(at);
  return {
    numbers: { now, compactRevision, stateHash, lastApplied },
    current: machine.range({ ...ALL, revision: null }),
    atRevisions: revisions.map((at) => machine.range({ ...ALL, revision: revision(at) })),
    singly: KEYS.map((name) => revisions.map((at) => machine.getAt(key(name), revision(at)))),
    histories: [...KEYS, 'bulk/0', 'bulk/1'].map((name) => machine.history(key(name))),
    events: [0, compactRevision, compactRevision + 1, now].map((from) =>
      machine.eventsFrom(revision(from), Number.MAX_SAFE_INTEGER),
    ),
    leases: [...machine.leases()].sort((left, right) => (left.leaseId < right.leaseId ? -1 : 1)),
    queues: LOCKS.map((name) => [
      machine.queue('locks', name),
      LEASES.map((number) => machine.queueEntry('locks', name, lease(number))),
    ]),
    queueNames: [machine.queueNames('locks', ''), machine.queueNames('elections', '')],
  };
}
