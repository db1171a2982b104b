import { logIndex, nodeId, term, type LogEntry, type Membership, type NodeId, type Term } from '@latchkey/raft';
import type { ReplicaStatus } from '@latchkey/replica';
import { key, leaseId, revision, type ApplyResult, type LeaseId, type RevisionEvents } from '@latchkey/state-machine';
import { DiskImage } from '../disk/disk-image.js';
import { CommittedLog } from '../invariants/committed-log.js';
import type {
  AppliedFact,
  CheckpointFact,
  DiskFact,
  Invariant,
  RoleFact,
  SentFact,
  TurnFact,
} from '../invariants/invariant.js';

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

  /** Its own state at `index`; the term is that of its log there unless `inTerm` says otherwise. */
  save(
    node: NodeId,
    index: number,
    { inTerm, membership = FIRST_MEMBERSHIP }: { readonly inTerm?: number; readonly membership?: Membership } = {},
  ): CheckpointFact {
    const image = this.image(node);
    const at = term(inTerm ?? image.termAt(index) ?? 0);
    return { node, disk: image, ...image.save({ index: logIndex(index), term: at, membership }, []) };
  }

  compact(node: NodeId, index: number): CheckpointFact {
    const image = this.image(node);
    const written = image.compact({ index: logIndex(index), term: term(image.termAt(index) ?? 0) });
    if (written === null) throw new RangeError(`${node} is compacted beyond ${index}`);
    return { node, disk: image, ...written };
  }

  install(node: NodeId, index: number): CheckpointFact {
    return { node, disk: this.image(node), ...this.installation(node, index, false).checkpoint };
  }

  /** As a change of the log. */
  installedLog(node: NodeId, index: number, { keepsTail = false } = {}): DiskFact {
    return { node, disk: this.image(node), ...this.installation(node, index, keepsTail).write };
  }

  private installation(node: NodeId, index: number, keepsTail: boolean): ReturnType<DiskImage['install']> {
    const { committed } = this;
    const at = { index: logIndex(index), term: committed.committedTermAt(index) ?? term(1) };
    return this.image(node).install({
      meta: { ...at, membership: FIRST_MEMBERSHIP },
      rows: new Map(),
      chain: committed.committedChainAt(index),
      hardState: null,
      keepsTail,
    });
  }

  image(node: NodeId): DiskImage {
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
    rejoining: null,
    storeTrouble: null,
    isDiskStalled: false,
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
