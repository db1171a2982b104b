import type { StatusResult } from '@latchkey/contracts';
import type { NodeId } from '@latchkey/raft';
import type { NodeSettings } from '../settings/settings.js';
import type { ClusterNode } from './cluster-node.js';
import { VERSION } from './version.js';

export type Member = StatusResult['members'][number];

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
      role: raft.role === 'preCandidate' ? 'candidate' : raft.role,
      term: raft.currentTerm,
      leaderId: raft.leaderId,
      commitIndex: raft.commitIndex,
      appliedIndex: raft.appliedIndex,
      revision: state.reader.revision,
      stateHash: state.reader.stateHash,
      members: this.members(),
      version: VERSION,
    };
  }

  members(): readonly Member[] {
    const { membership, connectedPeers } = this.node.replica.status();
    const connected = new Set<NodeId>([...connectedPeers, this.settings.nodeId]);
    const member = (id: NodeId, role: Member['role']): Member => ({
      id,
      peerUrl: this.settings.peers.get(id) ?? '',
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
