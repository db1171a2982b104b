import { usageError } from '../cli-error.js';
import type { ClusterDescription, NodeDescription } from './cluster-description.js';
import { environmentName } from './setting-names.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const SETTING = /^LATCHKEY_/;

/** Settings of the command line client, and what it hands to the commands it runs; a node has no use for them. */
const CLIENT_SETTINGS: ReadonlySet<string> = new Set([
  'LATCHKEY_ENDPOINTS',
  'LATCHKEY_FENCING_TOKEN',
  'LATCHKEY_LOCK_NAME',
]);

/** A secret may come in two forms; the caller's replaces the file's, in whichever form it comes. */
const SECRETS: readonly string[] = ['LATCHKEY_PEER_SECRET', 'LATCHKEY_DATABASE_URL'];

/** They tell one node from another, so one value for several nodes started from here would be wrong. */
const OF_ONE_NODE: ReadonlySet<string> = new Set([
  'LATCHKEY_NODE_ID',
  'LATCHKEY_JOIN',
  'LATCHKEY_CLIENT_HOST',
  'LATCHKEY_CLIENT_PORT',
  'LATCHKEY_PEER_HOST',
  'LATCHKEY_PEER_PORT',
  'LATCHKEY_DATABASE_URL',
  'LATCHKEY_DATABASE_URL_FILE',
]);

/** And these say what the cluster is: `up` owns them. */
const OF_THE_CLUSTER: ReadonlySet<string> = new Set([
  'LATCHKEY_CLUSTER_ID',
  'LATCHKEY_PEERS',
  'LATCHKEY_STORAGE',
  'LATCHKEY_PEER_SECRET',
  'LATCHKEY_PEER_SECRET_FILE',
]);

/** @throws CliError (usage) when the file does not describe that node. */
export function findNode(description: ClusterDescription, id: string): NodeDescription {
  const node = description.nodes.find((candidate) => candidate.id === id);
  if (node === undefined) {
    const ids = description.nodes.map((known) => known.id).join(', ');
    throw usageError(`the cluster file describes no node "${id}" (it has ${ids})`);
  }
  return node;
}

/** The settings of one node, as the server process reads them. */
export function nodeSettings(description: ClusterDescription, node: NodeDescription): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...description.settings, ...node.settings })) {
    settings[environmentName(name)] = value;
  }
  settings['LATCHKEY_NODE_ID'] = node.id;
  settings['LATCHKEY_CLUSTER_ID'] = description.clusterId;
  settings['LATCHKEY_PEERS'] = peersOf(description, node)
    .map((peer) => `${peer.id}=${peer.peerUrl}`)
    .join(',');
  if (node.join) settings['LATCHKEY_JOIN'] = 'true';
  settings['LATCHKEY_CLIENT_HOST'] = node.client.host;
  settings['LATCHKEY_CLIENT_PORT'] = String(node.client.port);
  settings['LATCHKEY_PEER_HOST'] = node.peerListen.host;
  settings['LATCHKEY_PEER_PORT'] = String(node.peerListen.port);
  settings['LATCHKEY_STORAGE'] = description.storage;
  if (description.storage === 'postgres' && node.databaseUrl !== null) {
    settings['LATCHKEY_DATABASE_URL'] = node.databaseUrl;
  }
  if (description.secret.kind === 'inline') settings['LATCHKEY_PEER_SECRET'] = description.secret.value;
  if (description.secret.kind === 'file') settings['LATCHKEY_PEER_SECRET_FILE'] = description.secret.path;
  return settings;
}

/** The first members, who must agree on who they are: one that joins is none of them, and the cluster tells where it is. */
function peersOf({ nodes }: ClusterDescription, { id }: NodeDescription): readonly NodeDescription[] {
  return nodes.filter((peer) => !peer.join || peer.id === id);
}

/**
 * The whole environment of `latchkey node`: the file's settings under the caller's environment, which wins.
 * @throws CliError (usage) when neither of them gives what a node cannot start without
 */
export function environmentOfOneNode(
  description: ClusterDescription,
  node: NodeDescription,
  caller: Environment,
): Record<string, string> {
  const settings = nodeSettings(description, node);
  for (const name of SECRETS) {
    if (caller[name] === undefined && caller[`${name}_FILE`] === undefined) continue;
    delete settings[name];
    delete settings[`${name}_FILE`];
  }
  const environment = { ...settings, ...inherited(caller, CLIENT_SETTINGS) };
  const hasDatabase = environment['LATCHKEY_DATABASE_URL'] ?? environment['LATCHKEY_DATABASE_URL_FILE'];
  if (environment['LATCHKEY_STORAGE'] === 'postgres' && hasDatabase === undefined) {
    throw usageError(
      `node ${node.id} has no database: give it a databaseUrl in the cluster file, or set LATCHKEY_DATABASE_URL`,
    );
  }
  return environment;
}

/** The environment of a node among several that `up` starts: shared settings of the caller win, the rest is `up`'s. */
export function environmentOfSupervisedNode(
  description: ClusterDescription,
  node: NodeDescription,
  caller: Environment,
): Record<string, string> {
  const notInherited = new Set([...CLIENT_SETTINGS, ...OF_ONE_NODE, ...OF_THE_CLUSTER]);
  return { ...nodeSettings(description, node), ...inherited(caller, notInherited) };
}

function inherited(caller: Environment, except: ReadonlySet<string>): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(caller)) {
    if (value === undefined || (SETTING.test(name) && except.has(name))) continue;
    environment[name] = value;
  }
  return environment;
}
