import type { LogIndex, NodeId, Role, Term } from '@latchkey/raft';
import type { ReplicaObserver } from '@latchkey/replica';
import type { PartLogger } from '../logging/part-logger.js';

type RoleChange = { readonly role: Role; readonly term: Term; readonly leaderId: NodeId | null };
type Persisted = { readonly entryCount: number; readonly byteCount: number; readonly durationMs: number };

/** What the replica tells, handed on to whoever asked, and to the log. */
export class NodeEvents implements ReplicaObserver {
  private readonly roleListeners: ((change: RoleChange) => void)[] = [];
  private readonly leadershipListeners: ((term: Term) => void)[] = [];
  private readonly persistListeners: ((batch: Persisted) => void)[] = [];
  private readonly failureListeners: ((error: Error) => void)[] = [];

  constructor(private readonly logger: PartLogger) {}

  onRoleChanged(listener: (change: RoleChange) => void): void {
    this.roleListeners.push(listener);
  }

  onLeadershipReady(listener: (term: Term) => void): void {
    this.leadershipListeners.push(listener);
  }

  onPersisted(listener: (batch: Persisted) => void): void {
    this.persistListeners.push(listener);
  }

  onFailed(listener: (error: Error) => void): void {
    this.failureListeners.push(listener);
  }

  roleChanged(change: RoleChange): void {
    this.logger.info('role changed', { role: change.role, term: change.term, leader: change.leaderId });
    for (const listener of this.roleListeners) listener(change);
  }

  leadershipReady(term: Term): void {
    this.logger.info('leading', { term });
    for (const listener of this.leadershipListeners) listener(term);
  }

  persisted(batch: Persisted): void {
    for (const listener of this.persistListeners) listener(batch);
  }

  peerChanged(change: { readonly peer: NodeId; readonly connected: boolean }): void {
    this.logger.info(change.connected ? 'peer connected' : 'peer disconnected', { peer: change.peer });
  }

  applied(_appliedIndex: LogIndex): void {}

  failed(error: Error): void {
    this.logger.fatal('the replica failed', { error });
    for (const listener of this.failureListeners) listener(error);
  }

  warning(message: string, details: Readonly<Record<string, unknown>>): void {
    this.logger.warn(message, details);
  }
}
