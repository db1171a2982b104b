import { readFileSync } from 'node:fs';
import { validateSync } from 'class-validator';
import { nodeId } from '@latchkey/raft';
import { Environment, FOREIGN_VARIABLES, SECRET_VARIABLES, type VariableName } from './environment.js';
import { parseLogLevels, parsePeers } from './list-settings.js';
import type { NodeSettings } from './settings.js';
import { SettingsError } from './settings-error.js';

/** A leader must be heard several times within an election timeout, or one late packet costs an election. */
const MIN_HEARTBEATS_PER_ELECTION_TIMEOUT = 3;

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The node's settings from its environment.
 * @throws SettingsError for the first wrong variable, also for one that nobody knows (a typing error would be silent otherwise)
 */
export function readSettings(variables: Variables): NodeSettings {
  refuseUnknown(variables);
  const environment = new Environment();
  for (const name of variableNames(environment)) assign(environment, name, valueOf(variables, name));
  const [problem] = validateSync(environment, { stopAtFirstError: true });
  if (problem !== undefined)
    throw new SettingsError(problem.property, Object.values(problem.constraints ?? {})[0] ?? 'is not valid');
  return checkTogether(environment);
}

function checkTogether(environment: Environment): NodeSettings {
  const ownId = nodeId(environment.LATCHKEY_NODE_ID);
  const storage = environment.LATCHKEY_STORAGE === 'memory' ? 'memory' : 'postgres';
  const listed = parsePeers(environment.LATCHKEY_PEERS);
  const ownUrl = `http://${environment.LATCHKEY_PEER_HOST}:${environment.LATCHKEY_PEER_PORT}`;
  const peers = listed.size === 0 ? new Map([[ownId, ownUrl]]) : listed;
  if (!peers.has(ownId)) throw new SettingsError('LATCHKEY_PEERS', `this node, ${ownId}, is not among them`);
  const join = environment.LATCHKEY_JOIN === 'true';
  if (join && peers.size === 1)
    throw new SettingsError('LATCHKEY_PEERS', 'must name a member of the cluster to join, besides this node');
  if (peers.size > 1 && environment.LATCHKEY_PEER_SECRET === '')
    throw new SettingsError(
      'LATCHKEY_PEER_SECRET',
      'is needed by a cluster of several nodes (or LATCHKEY_PEER_SECRET_FILE)',
    );
  if (storage === 'postgres' && environment.LATCHKEY_DATABASE_URL === '')
    throw new SettingsError('LATCHKEY_DATABASE_URL', 'is needed unless LATCHKEY_STORAGE is memory');
  if (
    environment.LATCHKEY_ELECTION_TIMEOUT_MS <
    environment.LATCHKEY_HEARTBEAT_MS * MIN_HEARTBEATS_PER_ELECTION_TIMEOUT
  )
    throw new SettingsError(
      'LATCHKEY_ELECTION_TIMEOUT_MS',
      `must be at least ${MIN_HEARTBEATS_PER_ELECTION_TIMEOUT} times LATCHKEY_HEARTBEAT_MS`,
    );
  return {
    nodeId: ownId,
    clusterId: environment.LATCHKEY_CLUSTER_ID,
    peers,
    join,
    clientHost: environment.LATCHKEY_CLIENT_HOST,
    clientPort: environment.LATCHKEY_CLIENT_PORT,
    peerHost: environment.LATCHKEY_PEER_HOST,
    peerPort: environment.LATCHKEY_PEER_PORT,
    storage,
    databaseUrl: storage === 'postgres' ? environment.LATCHKEY_DATABASE_URL : '',
    peerSecret: environment.LATCHKEY_PEER_SECRET,
    heartbeatMs: environment.LATCHKEY_HEARTBEAT_MS,
    electionTimeoutMs: environment.LATCHKEY_ELECTION_TIMEOUT_MS,
    snapshotEntries: environment.LATCHKEY_SNAPSHOT_ENTRIES,
    historyRevisions: environment.LATCHKEY_HISTORY_REVISIONS,
    historyMaxAgeMs: environment.LATCHKEY_HISTORY_MAX_AGE_MS,
    historyMemoryBytes: environment.LATCHKEY_HISTORY_MEMORY_BYTES,
    verifyIntervalMs: environment.LATCHKEY_VERIFY_INTERVAL_MS,
    maxValueBytes: environment.LATCHKEY_MAX_VALUE_BYTES,
    logLevels: parseLogLevels(environment.LATCHKEY_LOG_LEVEL),
  };
}

function refuseUnknown(variables: Variables): void {
  const known = new Set<string>([...variableNames(new Environment()), ...FOREIGN_VARIABLES]);
  for (const name of SECRET_VARIABLES) known.add(`${name}_FILE`);
  for (const name of Object.keys(variables))
    if (name.startsWith('LATCHKEY_') && !known.has(name)) throw new SettingsError(name, 'no such setting');
}

// Object.keys gives strings; the class has exactly these fields.
const variableNames = (environment: Environment): VariableName[] => Object.keys(environment) as VariableName[];

/** An empty variable counts as one that is not set, as in a compose file. */
function valueOf(variables: Variables, name: VariableName): string | undefined {
  const direct = variables[name];
  const file = SECRET_VARIABLES.includes(name) ? variables[`${name}_FILE`] : undefined;
  if (direct !== undefined && direct !== '') {
    if (file !== undefined && file !== '') throw new SettingsError(name, `is given twice, also as ${name}_FILE`);
    return direct;
  }
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new SettingsError(`${name}_FILE`, `cannot read ${JSON.stringify(file)}`);
  }
}

function assign(environment: Environment, name: VariableName, text: string | undefined): void {
  if (text === undefined) return;
  const isNumber = typeof environment[name] === 'number';
  // NaN fails the integer check, with the variable's own message.
  Object.assign(environment, { [name]: isNumber ? (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN) : text });
}
