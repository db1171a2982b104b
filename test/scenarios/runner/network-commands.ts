import type { NodeId } from '@latchkey/raft';
import { everybody } from './cluster-commands.js';
import { type CommandTable, upTo } from './command.js';
import { linksBetween, parseEnds, selectPackets } from './message-selector.js';
import { messageText } from './message-text.js';
import type { Packet } from './network.js';
import { nodeNamed, type World } from './world.js';

/** What becomes of messages. A selection is `n1->n2 [name] [which]`; see `selectPackets`. */
export const NETWORK_COMMANDS: CommandTable = {
  /** `deliver n1->n2`: all that are on their way now. */
  deliver(world, words) {
    world.deliver(selectPackets(world.network, words));
  },

  drop(world, words) {
    const dropped = selectPackets(world.network, words);
    world.network.take(dropped);
    tellLost(world, dropped);
  },

  /** The copies come after everything that is on its way. */
  duplicate(world, words) {
    world.network.duplicate(selectPackets(world.network, words));
  },

  /** They arrive in the opposite order. */
  reorder(world, words) {
    world.network.reverse(selectPackets(world.network, words));
  },

  /** `delay n1->n2 append as old`: set aside until `late old`. */
  delay(world, words) {
    const [as, name] = words.slice(-2);
    const [packet, ...others] = selectPackets(world.network, words.slice(0, -2));
    if (as !== 'as' || name === undefined) throw new Error('expected: as <name>');
    if (packet === undefined || others.length > 0)
      throw new Error(`these are ${others.length + 1} messages; say which`);
    world.network.delay(packet, name);
  },

  /** `late old`: what was delayed arrives now; it can do so again. `late old n4`: it goes astray, to n4. */
  late: upTo(2, (world, [name = '', astray]) => {
    const packet = world.network.delayedAs(name);
    world.arrive(astray === undefined ? packet : { ...packet, to: nodeNamed(astray) });
  }),

  /** `partition n1 n2 | n3 n4`: nothing passes between the groups, and what was on its way there is lost. */
  partition(world, words) {
    const groups = words
      .join(' ')
      .split('|')
      .map((group) => group.trim().split(/\s+/).map(nodeNamed));
    const isApart = ({ from, to }: Pick<Packet, 'from' | 'to'>): boolean =>
      groups.some((group) => group.includes(from) && !group.includes(to)) && groups.some((group) => group.includes(to));
    tellLost(world, world.network.cut(everyLink(world).filter(isApart)));
  },

  /** `cut n1->n2`: nothing passes in this direction. */
  cut: upTo(1, (world, [ends]) => {
    tellLost(world, world.network.cut(linksBetween(parseEnds(ends), world.nodes.keys())));
  }),

  /** `heal`: everything passes again. `heal n1->n2`: in this direction. */
  heal: upTo(1, (world, [ends]) => {
    world.network.heal(ends === undefined ? null : linksBetween(parseEnds(ends), world.nodes.keys()));
  }),

  /** `stabilize [n1 n2]`: messages (among these) are delivered until none is on its way. */
  stabilize(world, words) {
    world.stabilize(new Set<NodeId>(everybody(world, words)));
  },

  /** What is on its way. */
  queues: upTo(0, (world) => {
    for (const { from, to, message } of world.network.waiting) {
      world.transcript.happened(`${from} -> ${to}`, messageText(message));
    }
  }),
};

function everyLink(world: World): Pick<Packet, 'from' | 'to'>[] {
  return linksBetween({ from: null, to: null }, world.nodes.keys());
}

function tellLost(world: World, packets: readonly Packet[]): void {
  for (const { from, to, message } of packets) world.transcript.add(`lost: ${from} -> ${to} ${messageText(message)}`);
}
