import { logIndex, nodeId, term, type LogEntry, type Membership, type NodeId, type Term } from '@latchkey/raft';
import type { ReplicaStatus } from '@latchkey/replica';
import { key, leaseId, revision, type ApplyResult, type LeaseId, type RevisionEvents } from '@latchkey/state-machine';
import { DiskImage } from '../disk/disk-image.js';
import { CommittedLog } from '../invariants/committed-log.js';
import type { AppliedFact, DiskFact, Invariant, RoleFact, SentFact, TurnFact } from '../invariants/invariant.js';

/** Facts in the fewest words, for telling an invariant a history that never was. */
export const N1 = nodeId('n1');
export const N2 = nodeId('n2');
export const N3 = nodeId('n3');

/** The invariant that `create` makes, and what it has reported. */
export function watched<Subject extends Invariant>(create: (report: (message: string) => void) => Subject) {
  const reports: string[] = [];
  return { invariant: create((message) => reports.push(message)), reports };
}

export const entry = (index: number, inTerm: number, text = `${index}/${inTerm}`): LogEntry => ({
  type: 'command',
  index: logIndex(index),
  term: term(inTerm),
  data: Uint8Array.from(text, (character) => character.charCodeAt(0)),
});

export const FIRST_MEMBERSHIP: Membership = { voters: [N1, N2, N3], votersOutgoing: [], learners: [] };

/** Three disks with the committed log over them. */
export class Disks {
  readonly images = new Map([N1, N2, N3].map((node) => [node, new DiskImage()]));
  readonly committed = new CommittedLog(this.images, FIRST_MEMBERSHIP);

  /** Appends, after dropping everything from the first index on. */
  write(node: NodeId, entries: readonly LogEntry[], hardState: DiskFact['after'] | null = null): DiskFact {
    const image = this.image(node);
    const truncateFrom = entries[0]?.index ?? null;
    return { node, disk: image, ...image.write({ hardState, truncateFrom, entries }) };
  }

  vote(node: NodeId, inTerm: number, votedFor: NodeId | null): DiskFact {
    return this.write(node, [], { currentTerm: term(inTerm), votedFor });
  }

  private image(node: NodeId): DiskImage {
    const image = this.images.get(node);
    if (image === undefined) throw new RangeError(node);
    return image;
  }
}

export function statusOf(node: NodeId, changes: Partial<ReplicaStatus>): ReplicaStatus {
  return {
    nodeId: node,
    role: 'follower',
    currentTerm: term(1),
    votedFor: null,
    leaderId: null,
    commitIndex: logIndex(0),
    lastApplied: logIndex(0),
    firstLogIndex: logIndex(1),
    lastLogIndex: logIndex(0),
    snapshotIndex: logIndex(0),
    transferTarget: null,
    membership: FIRST_MEMBERSHIP,
    progress: [],
    appliedIndex: logIndex(0),
    checkpointIndex: logIndex(0),
    connectedPeers: [],
    phase: 'running',
    ...changes,
  };
}

export const turn = (node: NodeId, changes: Partial<ReplicaStatus>): TurnFact => ({
  node,
  process: 1,
  status: statusOf(node, changes),
});

export const leads = (node: NodeId, inTerm: number, lastLogIndex = 0): RoleFact => ({
  node,
  role: 'leader',
  term: term(inTerm),
  status: statusOf(node, { role: 'leader', currentTerm: term(inTerm), lastLogIndex: logIndex(lastLogIndex) }),
});

export const grantsVote = (from: NodeId, to: NodeId, inTerm: Term): SentFact => ({
  from,
  to,
  message: { type: 'raft', message: { type: 'voteResponse', term: inTerm, voteGranted: true } },
});

export const lease = (number: number): LeaseId => leaseId(number.toString(16).padStart(16, '0'));

const NOTHING: ApplyResult = { outcomes: [], revisions: [], grants: [], leaseChanges: [] };

export const applied = (
  index: number,
  changes: Partial<AppliedFact> & { readonly did?: Partial<ApplyResult> } = {},
) => ({
  node: N1,
  index: logIndex(index),
  term: term(1),
  command: Uint8Array.of(1),
  stateHash: 'same',
  isFirst: true,
  nowMs: 0,
  ...changes,
  result: { ...NOTHING, ...changes.did },
});

export const grant = (number: number, fencingToken: number, name = 'a'): ApplyResult['grants'][number] => ({
  space: 'locks',
  name,
  leaseId: lease(number),
  fencingToken: revision(fencingToken),
});

export const wrote = (at: number, name: string, text: string): RevisionEvents => ({
  revision: revision(at),
  proposedAtMs: 0,
  events: [
    {
      type: 'put',
      previous: null,
      record: {
        key: key(name),
        value: Uint8Array.from(text, (character) => character.charCodeAt(0)),
        createRevision: revision(at),
        modRevision: revision(at),
        version: 1,
        leaseId: null,
        updatedAtMs: 0,
      },
    },
  ],
});
