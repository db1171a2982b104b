import type { CliError } from '../cli-error.js';

const CAMEL_CASE = /^[a-z][a-zA-Z0-9]*$/;

/** Have fields of their own in a cluster file; as a setting they could contradict it. */
const OWN_FIELD: Readonly<Record<string, string>> = {
  nodeId: 'id',
  clusterId: 'clusterId',
  peers: 'peerUrl of every node',
  clientHost: 'client.host',
  clientPort: 'client.port',
  peerHost: 'peerListen.host',
  peerPort: 'peerListen.port',
  join: 'join of a node',
  storage: 'storage',
  databaseUrl: 'databaseUrl',
  peerSecret: 'secret',
  peerSecretFile: 'secretFile',
};

/** `electionTimeoutMs` → `LATCHKEY_ELECTION_TIMEOUT_MS`. */
export function environmentName(setting: string): string {
  return `LATCHKEY_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** @throws what `refuse` makes, for a name that no node setting can have. */
export function assertSettingNames(
  settings: Readonly<Record<string, string>>,
  refuse: (name: string, problem: string) => CliError,
): void {
  for (const name of Object.keys(settings)) {
    const field = OWN_FIELD[name];
    if (field !== undefined) throw refuse(name, `is written as ${field}, not under settings`);
    if (!CAMEL_CASE.test(name)) throw refuse(name, 'must be written like electionTimeoutMs');
  }
}
