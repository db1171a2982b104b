import type { Member, StatusResult } from '@latchkey/contracts';
import type { NodeId } from '@latchkey/raft';
import type { ReplicaStatus } from '@latchkey/replica';
import type { NodeSettings } from '../settings/settings.js';
import type { ClusterNode } from './cluster-node.js';
import { VERSION } from './version.js';

/** What this node says about itself and its cluster. */
export class NodeStatus {
  constructor(
    private readonly node: ClusterNode,
    private readonly settings: NodeSettings,
  ) {}

  status(): StatusResult {
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
    };
  }

  /** For one that is not. */
  whyNotReady(): string {
    const { leaderId, membership, phase } = this.node.replica.status();
    if (phase === 'removed') return 'this node was removed from the cluster';
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

/** Who has no vote, or none yet, is called a learner; a leader is one until its removal is through. */
function roleOf({ role, nodeId, membership }: ReplicaStatus): StatusResult['role'] {
  if (role === 'leader') return role;
  if (!membership.voters.includes(nodeId) && !membership.votersOutgoing.includes(nodeId)) return 'learner';
  return role === 'preCandidate' ? 'candidate' : role;
}
