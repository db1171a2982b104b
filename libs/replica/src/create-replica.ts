import { RaftNode } from '@latchkey/raft';
import type { Replica, ReplicaOptions } from './replica-api.js';
import { DrivenReplica } from './driven-replica.js';

/** One member of the cluster. Nothing happens before `start`. */
export function createReplica<Outcome>(options: ReplicaOptions<Outcome>): Replica<Outcome> {
  return new DrivenReplica(options, (durable, nowMs, { runNumber, initialMembership, joinedIndex }) => {
    // Another seed for another run: a node that recovers must not repeat the timeouts it has just drawn.
    const config = { ...options.raft, initialMembership, seed: options.raft.seed + runNumber - 1 };
    return new RaftNode(config, { ...durable, snapshot: durable.checkpoint, joinedIndex }, nowMs);
  });
}
