import { nodeId, type NodeId } from '@latchkey/raft';
import { LOG_LEVELS, type LogLevel, type LogLevels } from './settings.js';
import { SettingsError } from './settings-error.js';

const MAX_PEERS = 32;

/** `n1=http://host:7401,n2=…` @throws SettingsError */
export function parsePeers(text: string): ReadonlyMap<NodeId, string> {
  const peers = new Map<NodeId, string>();
  const refuse = (problem: string): never => {
    throw new SettingsError('LATCHKEY_PEERS', problem);
  };
  for (const part of text.split(',').map((item) => item.trim())) {
    if (part === '') continue;
    const separator = part.indexOf('=');
    if (separator < 1) refuse(`${JSON.stringify(part)} is not <node id>=<url>`);
    const name = part.slice(0, separator);
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) refuse(`${JSON.stringify(name)} is not a node id`);
    const url = peerUrlOfText(part.slice(separator + 1));
    if (url === null) refuse(`${JSON.stringify(part.slice(separator + 1))} is not a URL such as http://host:7401`);
    else if (peers.has(nodeId(name))) refuse(`${name} is named twice`);
    else if ([...peers.values()].includes(url)) refuse(`${url} is named twice`);
    else peers.set(nodeId(name), url);
  }
  if (peers.size > MAX_PEERS) refuse(`more than ${MAX_PEERS} nodes`);
  return peers;
}

/** In its plain form; null for what is no URL of a node. */
export function peerUrlOfText(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const isBare = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  return url.protocol === 'http:' && isBare ? url.origin : null;
}

const isLogLevel = (text: string): text is LogLevel => LOG_LEVELS.some((level) => level === text);

/** `info`, or with levels for single parts: `info,raft=trace`. @throws SettingsError */
export function parseLogLevels(text: string): LogLevels {
  let general: LogLevel = 'info';
  const byPart = new Map<string, LogLevel>();
  for (const item of text.split(',').map((piece) => piece.trim())) {
    const [left = '', right] = item.split('=');
    const level = right ?? left;
    if (!isLogLevel(level))
      throw new SettingsError('LATCHKEY_LOG_LEVEL', `${JSON.stringify(level)} is not one of ${LOG_LEVELS.join(', ')}`);
    if (right === undefined) general = level;
    else byPart.set(left, level);
  }
  return { general, byPart };
}
