import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { parse, stringify, YAMLParseError } from 'yaml';
import { messageOf, systemErrorCode, usageError } from '../cli-error.js';
import {
  MAX_NODES,
  type ClusterDescription,
  type HostAndPort,
  type NodeDescription,
  type NodeSettings,
  type PeerSecret,
} from './cluster-description.js';
import { FieldReader } from './field-reader.js';
import { assertSettingNames } from './setting-names.js';

const NODE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const DEFAULT_CLIENT_HOST = '127.0.0.1';

/** @throws CliError (usage) when the file is missing or says something wrong, naming the field. */
export function readClusterFile(path: string): ClusterDescription {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw usageError(`there is no cluster file ${path}`);
    throw usageError(`cannot read the cluster file ${path}: ${messageOf(error)}`);
  }
  return parseClusterFile(text, path);
}

/** `path` names the file in messages; its folder is where a relative `secretFile` starts from. */
export function parseClusterFile(text: string, path: string): ClusterDescription {
  const file = new FieldReader(path, '', parseYaml(text, path));
  const storage = file.oneOf('storage', ['postgres', 'memory'], 'postgres');
  const description: ClusterDescription = {
    clusterId: file.text('clusterId'),
    secret: readSecret(file, path),
    storage,
    settings: readSettings(file),
    nodes: file.list('nodes').map(readNode),
  };
  file.end();
  if (description.nodes.length === 0) throw file.error('nodes', 'must name at least one node');
  if (description.nodes.length > MAX_NODES) throw file.error('nodes', `names more than ${MAX_NODES} nodes`);
  refuseDuplicates(file, description.nodes);
  if (description.nodes.every((node) => node.join)) throw file.error('nodes', 'must name a node that does not join');
  return description;
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    const firstLine = messageOf(error).split(' at line')[0] ?? 'not YAML';
    throw usageError(`${path}${line === undefined ? '' : `:${line}`}: ${firstLine}`);
  }
}

function readSecret(file: FieldReader, path: string): PeerSecret {
  const inline = file.optionalText('secret');
  const secretFile = file.optionalText('secretFile');
  if (inline !== null && secretFile !== null) throw file.error('secret', 'give either secret or secretFile, not both');
  if (inline !== null) return { kind: 'inline', value: inline };
  if (secretFile !== null) return { kind: 'file', path: resolve(dirname(path), secretFile) };
  return { kind: 'absent' };
}

function readSettings(fields: FieldReader): NodeSettings {
  const settings = fields.mapping('settings');
  if (settings === null) return {};
  const texts = settings.texts();
  assertSettingNames(texts, (name, problem) => settings.error(name, problem));
  return texts;
}

function readNode(fields: FieldReader): NodeDescription {
  const id = fields.text('id');
  if (!NODE_ID.test(id)) throw fields.error('id', `"${id}" must be 1 to 64 letters, digits, ".", "_" or "-"`);
  const peerUrl = readPeerUrl(fields);
  const databaseUrl = fields.optionalText('databaseUrl');
  const client = fields.mapping('client');
  if (client === null) throw fields.error('client', 'is missing (client: {host, port})');
  const node: NodeDescription = {
    id,
    peerUrl: peerUrl.origin,
    peerListen: readListener(fields.mapping('peerListen'), { host: peerUrl.hostname, port: Number(peerUrl.port) }),
    client: { host: client.optionalText('host') ?? DEFAULT_CLIENT_HOST, port: client.port('port') },
    databaseUrl,
    join: fields.flag('join'),
    settings: readSettings(fields),
  };
  client.end();
  fields.end();
  return node;
}

function readPeerUrl(fields: FieldReader): URL {
  const text = fields.text('peerUrl');
  const url = URL.canParse(text) ? new URL(text) : null;
  const plain = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '';
  if (url === null || !plain || url.port === '') {
    throw fields.error('peerUrl', `"${text}" must be like http://host:7401`);
  }
  return url;
}

function readListener(fields: FieldReader | null, otherwise: HostAndPort): HostAndPort {
  if (fields === null) return otherwise;
  const listener = {
    host: fields.optionalText('host') ?? otherwise.host,
    port: fields.has('port') ? fields.port('port') : otherwise.port,
  };
  fields.end();
  return listener;
}

function refuseDuplicates(file: FieldReader, nodes: readonly NodeDescription[]): void {
  const claims: readonly [string, (node: NodeDescription) => string][] = [
    ['id', (node) => node.id],
    ['peerUrl', (node) => node.peerUrl],
    ['client', (node) => `${node.client.host}:${node.client.port}`],
    ['databaseUrl', (node) => node.databaseUrl ?? `none of ${node.id}`],
  ];
  for (const [field, claim] of claims) {
    const seen = new Map<string, string>();
    for (const node of nodes) {
      const other = seen.get(claim(node));
      if (other !== undefined) throw file.error('nodes', `${other} and ${node.id} have the same ${field}`);
      seen.set(claim(node), node.id);
    }
  }
}

/** The text of a cluster file; `readClusterFile` reads the same description back. */
export function renderClusterFile(description: ClusterDescription, path: string): string {
  const { secret, settings } = description;
  return stringify({
    clusterId: description.clusterId,
    ...(secret.kind === 'file' ? { secretFile: relative(dirname(path), secret.path) } : {}),
    ...(secret.kind === 'inline' ? { secret: secret.value } : {}),
    storage: description.storage,
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    nodes: description.nodes.map((node) => ({
      id: node.id,
      peerUrl: node.peerUrl,
      ...(peerListenIsImplied(node) ? {} : { peerListen: node.peerListen }),
      client: node.client,
      ...(node.databaseUrl === null ? {} : { databaseUrl: node.databaseUrl }),
      ...(node.join ? { join: true } : {}),
      ...(Object.keys(node.settings).length === 0 ? {} : { settings: node.settings }),
    })),
  });
}

function peerListenIsImplied(node: NodeDescription): boolean {
  const url = new URL(node.peerUrl);
  return url.hostname === node.peerListen.host && Number(url.port) === node.peerListen.port;
}
