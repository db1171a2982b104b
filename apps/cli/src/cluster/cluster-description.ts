/** Extra settings of a node, by their name in the cluster file: `heartbeatMs` becomes `LATCHKEY_HEARTBEAT_MS`. */
export type NodeSettings = Readonly<Record<string, string>>;

export type StorageKind = 'postgres' | 'memory';

export type HostAndPort = { readonly host: string; readonly port: number };

/** The secret that the peers show one another, in the file itself or (better) in one of its own. */
export type PeerSecret =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly value: string }
  /** Comes from the environment. */
  | { readonly kind: 'absent' };

export type NodeDescription = {
  readonly id: string;
  /** Where the other nodes reach this one. */
  readonly peerUrl: string;
  /** Where it listens for them. */
  readonly peerListen: HostAndPort;
  readonly client: HostAndPort;
  readonly databaseUrl: string | null;
  /** Not one of the first members: it waits to be added to the cluster (`member add`). */
  readonly join: boolean;
  readonly settings: NodeSettings;
};

/** Everything that a cluster file says: enough to start any of its nodes on any host. */
export type ClusterDescription = {
  readonly clusterId: string;
  readonly secret: PeerSecret;
  readonly storage: StorageKind;
  /** For every node; a node's own come on top. */
  readonly settings: NodeSettings;
  readonly nodes: readonly NodeDescription[];
};

/** Raft's own limit is softer, but beyond this a write waits for too many disks. */
export const MAX_NODES = 7;

export function clientUrl(node: Pick<NodeDescription, 'client'>): string {
  const { host, port } = node.client;
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
