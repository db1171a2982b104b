import type { NodeId } from '@latchkey/raft';
import { messageName } from './message-text.js';
import type { Network, Packet } from './network.js';
import { nodeNamed } from './world.js';

type Ends = { readonly from: NodeId | null; readonly to: NodeId | null };

/** `n1->n2`; also `n1->` (to anybody), `->n2` (from anybody) and `->`. */
export function parseEnds(word: string | undefined): Ends {
  const match = /^(n\d+)?->(n\d+)?$/.exec(word ?? '');
  if (match === null) throw new Error(`expected a link like n1->n2, got ${word ?? 'nothing'}`);
  const [, from, to] = match;
  return { from: from === undefined ? null : nodeNamed(from), to: to === undefined ? null : nodeNamed(to) };
}

export function linksBetween(ends: Ends, nodes: Iterable<NodeId>): Pick<Packet, 'from' | 'to'>[] {
  const all = [...nodes];
  const links = all.flatMap((from) => all.map((to) => ({ from, to })));
  return links.filter((link) => link.from !== link.to && isOn(link, ends));
}

/**
 * Messages on their way: a link, then perhaps the name of a message (the first word of its line in the transcript), then
 * perhaps which of these: `1`, `2`, … or `last`.
 * @throws Error when there is none: a scenario that drops nothing does not show what it says
 */
export function selectPackets(network: Network, words: readonly string[]): readonly Packet[] {
  const [link, ...rest] = words;
  const ends = parseEnds(link);
  const isOrdinal = (word: string | undefined): boolean => word !== undefined && /^(\d+|last)$/.test(word);
  const name = isOrdinal(rest[0]) ? undefined : rest.shift();
  const ordinal = rest.shift();
  if (rest.length > 0) throw new Error(`cannot understand ${rest.join(' ')}`);
  const found = network.waiting.filter(
    (packet) => isOn(packet, ends) && (name === undefined || messageName(packet.message) === name),
  );
  const one = ordinal === 'last' ? found.at(-1) : found[Number(ordinal) - 1];
  const selected = ordinal === undefined ? found : [one].filter((packet) => packet !== undefined);
  if (selected.length === 0) throw new Error(`no such message is on its way: ${words.join(' ')}`);
  return selected;
}

function isOn(packet: Pick<Packet, 'from' | 'to'>, { from, to }: Ends): boolean {
  return (from === null || packet.from === from) && (to === null || packet.to === to);
}
