import type { LogEntry, LogPosition, Membership } from '@latchkey/raft';

const FILLER = '.';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `a` is the payload "a"; `a:100` is filled up to 100 bytes. */
export function payloadOf(token: string): Uint8Array {
  const [name = '', size] = token.split(':');
  return encoder.encode(size === undefined ? name : name.padEnd(Number(size), FILLER));
}

export function payloadText(data: Uint8Array): string {
  const name = decoder.decode(data).replace(/\.+$/, '');
  return name.length === data.byteLength ? name : `${name}:${data.byteLength}`;
}

/** index/term, as everywhere in a transcript. */
export function positionText({ index, term }: LogPosition): string {
  return `${index}/${term}`;
}

export function membershipText({ voters, votersOutgoing, learners, addresses }: Membership): string {
  const parts = [`voters ${voters.join(' ') || 'none'}`];
  if (votersOutgoing.length > 0) parts.push(`outgoing ${votersOutgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`);
  for (const [node, address] of Object.entries(addresses ?? {})) parts.push(`${node} at ${address}`);
  return parts.join(', ');
}

export function entryText(entry: LogEntry): string {
  switch (entry.type) {
    case 'noop':
      return `${positionText(entry)} noop`;
    case 'command':
      return `${positionText(entry)} ${payloadText(entry.data)}`.trimEnd();
    case 'membership':
      return `${positionText(entry)} (${membershipText(entry.membership)})`;
  }
}

export function entriesText(entries: readonly LogEntry[]): string {
  return entries.map(entryText).join(', ');
}

/** Commands of one term as one range, without their payloads; the other entries in full. */
export function rangesText(entries: readonly LogEntry[]): string {
  const texts: string[] = [];
  for (let position = 0; position < entries.length; position += 1) {
    const first = entries[position];
    if (first === undefined) break;
    if (first.type !== 'command') {
      texts.push(entryText(first));
      continue;
    }
    let last = first;
    for (let next = entries[position + 1]; isSameRun(last, next); next = entries[position + 1]) {
      last = next;
      position += 1;
    }
    texts.push(last === first ? positionText(first) : `${first.index}..${last.index}/${first.term}`);
  }
  return texts.join(', ');
}

type Command = Extract<LogEntry, { readonly type: 'command' }>;

function isSameRun(last: Command, next: LogEntry | undefined): next is Command {
  return next?.type === 'command' && next.term === last.term;
}
