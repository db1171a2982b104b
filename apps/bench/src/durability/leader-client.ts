import { connect, type Latchkey } from '@latchkey/sdk';
import type { ProcessCluster } from '../cluster/process-cluster.js';

/** Longer than an election under load. */
const REQUEST_TIMEOUT_MS = 60_000;

/** A client that is connected to the leader, which is the shortest way, and knows the others. */
export async function connectToLeader(cluster: ProcessCluster): Promise<Latchkey> {
  const leader = await cluster.leader();
  const endpoints = [leader, ...cluster.ids.filter((id) => id !== leader)].map((id) => cluster.url(id));
  return connect({ endpoints, requestTimeoutMs: REQUEST_TIMEOUT_MS });
}
