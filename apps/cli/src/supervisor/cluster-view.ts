import { setTimeout as delay } from 'node:timers/promises';

/** What one node says of itself and of the leader; null when it does not answer. */
export type NodeView = { readonly role: string; readonly term: number; readonly leaderId: string | null } | null;

export type ClusterView = { readonly leaderId: string | null; readonly nodes: ReadonlyMap<string, NodeView> };

const REQUEST_TIMEOUT_MS = 1_000;
const POLL_MS = 60;

type Endpoint = { readonly id: string; readonly url: string };

/** Asks every node once. The leader is the one that says so itself in the newest term. */
export async function viewCluster(clusterId: string, endpoints: readonly Endpoint[]): Promise<ClusterView> {
  const views = await Promise.all(
    endpoints.map(async (endpoint) => [endpoint.id, await viewNode(clusterId, endpoint)] as const),
  );
  let leaderId: string | null = null;
  let newestTerm = -1;
  for (const [id, view] of views) {
    if (view === null || view.role !== 'leader' || view.term <= newestTerm) continue;
    newestTerm = view.term;
    leaderId = id;
  }
  return { leaderId, nodes: new Map(views) };
}

/**
 * Waits until a leader is known and every node is ready to serve.
 * @returns null when that has not come about within the limit, or `signal` aborted
 */
export async function waitForCluster(
  { clusterId, endpoints }: { readonly clusterId: string; readonly endpoints: readonly Endpoint[] },
  limitMs: number,
  signal: AbortSignal,
): Promise<ClusterView | null> {
  const deadline = performance.now() + limitMs;
  while (!signal.aborted && performance.now() < deadline) {
    const ready = await Promise.all(endpoints.map(({ url }) => isReady(url)));
    if (ready.every(Boolean)) {
      const view = await viewCluster(clusterId, endpoints);
      if (view.leaderId !== null && [...view.nodes.values()].every((node) => node !== null)) return view;
    }
    await delay(POLL_MS);
  }
  return null;
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Null also for a stranger's node that has taken the port: it must not be mistaken for ours. */
async function viewNode(clusterId: string, { id, url }: Endpoint): Promise<NodeView> {
  try {
    const response = await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    const status: unknown = await response.json();
    if (!response.ok || typeof status !== 'object' || status === null) return null;
    if (!('clusterId' in status) || status.clusterId !== clusterId) return null;
    if (!('nodeId' in status) || status.nodeId !== id) return null;
    const role = 'role' in status && typeof status.role === 'string' ? status.role : 'unknown';
    const term = 'term' in status && typeof status.term === 'number' ? status.term : 0;
    const leaderId = 'leaderId' in status && typeof status.leaderId === 'string' ? status.leaderId : null;
    return { role, term, leaderId };
  } catch {
    return null;
  }
}
