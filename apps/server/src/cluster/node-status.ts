import type { Member, StatusResult } from '@latchkey/contracts';
import type { NodeId } from '@latchkey/raft';
import type { RejoinReason, ReplicaStatus } from '@latchkey/replica';
import type { NodeSettings } from '../settings/settings.js';
import type { ClusterNode } from './cluster-node.js';
import { VERSION } from './version.js';

/** For those who look at one node: whether it takes part, and why not. */
export type NodeStatusResult = StatusResult & Pick<ReplicaStatus, 'phase' | 'rejoining' | 'storeTrouble'>;

const REJOIN_REASONS: Readonly<Record<RejoinReason, string>> = {
  replaced: 'its database is another one than the cluster knows',
  behind: 'its database holds less than it did',
  corrupt: 'its database cannot be read',
  diverged: 'its state differs from that of the others',
};

/** What this node says about itself and its cluster. */
export class NodeStatus {
  constructor(
    private readonly node: ClusterNode,
    private readonly settings: NodeSettings,
  ) {}

  status(): NodeStatusResult {
    const { state, replica } = this.node;
    const raft = replica.status();
    return {
      clusterId: this.settings.clusterId,
      nodeId: this.settings.nodeId,
      role: roleOf(raft),
      term: raft.currentTerm,
      leaderId: raft.leaderId,
      commitIndex: raft.commitIndex,
      appliedIndex: raft.appliedIndex,
      firstLogIndex: raft.firstLogIndex,
      lastLogIndex: raft.lastLogIndex,
      checkpointIndex: raft.checkpointIndex,
      revision: state.reader.revision,
      stateHash: state.reader.stateHash,
      members: this.members(),
      version: VERSION,
      phase: raft.phase,
      rejoining: raft.rejoining,
      storeTrouble: storeTroubleOf(raft),
    };
  }

  /** For one that is not. */
  whyNotReady(): string {
    const status = this.node.replica.status();
    const { leaderId, membership, phase, rejoining } = status;
    const storeTrouble = storeTroubleOf(status);
    if (phase === 'removed') return 'this node was removed from the cluster';
    if (storeTrouble !== null) return `this node cannot use its database at the moment: ${storeTrouble}`;
    if (phase === 'rejoining' && rejoining !== null) {
      return `${REJOIN_REASONS[rejoining]}: it waits to be released by the leader, and begins anew then`;
    }
    if (phase === 'admitting') return 'this node waits for the others to say that they know its database';
    if (leaderId !== null) return 'this node has not caught up, or is stopping';
    return membership.voters.length === 0 ? 'this node waits to be added to the cluster' : 'no leader is known';
  }

  members(): readonly Member[] {
    const { membership, connectedPeers } = this.node.replica.status();
    const connected = new Set<NodeId>([...connectedPeers, this.settings.nodeId]);
    const member = (id: NodeId, role: Member['role']): Member => ({
      id,
      peerUrl: membership.addresses?.[id] ?? this.settings.peers.get(id) ?? '',
      role,
      connected: connected.has(id),
    });
    const voters = new Set([...membership.voters, ...membership.votersOutgoing]);
    return [
      ...[...voters].sort().map((id) => member(id, 'voter')),
      ...[...membership.learners].sort().map((id) => member(id, 'learner')),
    ];
  }
}

/** A database that hangs is noticed before it is given up. */
function storeTroubleOf({ storeTrouble, isDiskStalled }: ReplicaStatus): string | null {
  return storeTrouble ?? (isDiskStalled ? 'the database does not answer in time' : null);
}

/** Who has no vote, or none yet, is called a learner; a leader is one until its removal is through. */
function roleOf({ role, nodeId, membership }: ReplicaStatus): StatusResult['role'] {
  if (role === 'leader') return role;
  if (!membership.voters.includes(nodeId) && !membership.votersOutgoing.includes(nodeId)) return 'learner';
  return role === 'preCandidate' ? 'candidate' : role;
}
