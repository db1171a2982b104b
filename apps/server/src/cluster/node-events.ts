import type { LogIndex, Membership, NodeId, Role, SnapshotMeta, Term } from '@latchkey/raft';
import type { RejoinReason, ReplicaObserver } from '@latchkey/replica';
import type { PartLogger } from '../logging/part-logger.js';
import { Listeners } from './listeners.js';

type RoleChange = { readonly role: Role; readonly term: Term; readonly leaderId: NodeId | null };
type Persisted = { readonly entryCount: number; readonly byteCount: number; readonly durationMs: number };
type Checkpointed = { readonly index: LogIndex; readonly durationMs: number };
type StateDifference = { readonly peer: NodeId; readonly index: LogIndex };
type SnapshotTransfer = Parameters<NonNullable<ReplicaObserver['snapshotTransfer']>>[0];

/** What the replica tells, handed on to whoever asked, and to the log. */
export class NodeEvents implements ReplicaObserver {
  private readonly onRole = new Listeners<RoleChange>();
  private readonly onLeadership = new Listeners<Term>();
  private readonly onPersist = new Listeners<Persisted>();
  private readonly onCheckpoint = new Listeners<Checkpointed>();
  private readonly onTransfer = new Listeners<SnapshotTransfer>();
  private readonly onPeer = new Listeners<NodeId>();
  private readonly onRemoval = new Listeners<null>();
  private readonly onDifference = new Listeners<StateDifference>();
  private readonly onFailure = new Listeners<Error>();

  readonly onRoleChanged = this.onRole.add;
  readonly onLeadershipReady = this.onLeadership.add;
  readonly onPersisted = this.onPersist.add;
  readonly onCheckpointed = this.onCheckpoint.add;
  readonly onSnapshotTransfer = this.onTransfer.add;
  /** A peer has come or gone. */
  readonly onPeerChanged = this.onPeer.add;
  /** The cluster goes on without this node. */
  readonly onRemoved = this.onRemoval.add;
  readonly onStateDiffers = this.onDifference.add;
  readonly onFailed = this.onFailure.add;

  constructor(private readonly logger: PartLogger) {}

  roleChanged(change: RoleChange): void {
    this.logger.info('role changed', { role: change.role, term: change.term, leader: change.leaderId });
    this.onRole.tell(change);
  }

  leadershipReady(term: Term): void {
    this.logger.info('leading', { term });
    this.onLeadership.tell(term);
  }

  persisted(batch: Persisted): void {
    this.onPersist.tell(batch);
  }

  peerChanged(change: { readonly peer: NodeId; readonly connected: boolean }): void {
    this.logger.info(change.connected ? 'peer connected' : 'peer disconnected', { peer: change.peer });
    this.onPeer.tell(change.peer);
  }

  checkpointed(checkpoint: Checkpointed): void {
    this.logger.debug('checkpoint saved', checkpoint);
    this.onCheckpoint.tell(checkpoint);
  }

  /** Who follows the applied state hears of it by `AppliedState.onReplaced`, which is in the same turn. */
  snapshotInstalled({ index, term }: SnapshotMeta): void {
    this.logger.info('the state was replaced by a snapshot', { index, term });
  }

  snapshotTransfer(transfer: SnapshotTransfer): void {
    this.logger.info(`snapshot ${transfer.direction === 'out' ? 'to' : 'from'} a peer: ${transfer.state}`, transfer);
    this.onTransfer.tell(transfer);
  }

  membershipChanged({ voters, votersOutgoing, learners }: Membership): void {
    this.logger.info('membership changed', { voters, votersOutgoing, learners });
  }

  rejoining(reason: RejoinReason | null): void {
    if (reason === null) this.logger.info('this node has all that it had again');
    else this.logger.error('this node takes part no more with what its database holds, and begins anew', { reason });
  }

  /** The replica warns of it now and then; each difference is counted. */
  stateHashDiffers(difference: StateDifference): void {
    this.logger.debug('the state of another node differs', difference);
    this.onDifference.tell(difference);
  }

  removed(): void {
    this.onRemoval.tell(null);
  }

  failed(error: Error): void {
    this.logger.fatal('the replica failed', { error });
    this.onFailure.tell(error);
  }

  warning(message: string, details: Readonly<Record<string, unknown>>): void {
    this.logger.warn(message, details);
  }
}
