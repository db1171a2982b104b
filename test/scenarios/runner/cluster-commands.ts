import { nodeId, type Membership, type NodeId, type RaftConfig } from '@latchkey/raft';
import { membershipOf, raftConfig } from '../../../libs/raft/src/test-support/raft-builders.js';
import { numberFrom, oneOf, type CommandTable, upTo } from './command.js';
import { nodeNamed, type World } from './world.js';

type Options = ReadonlyMap<string, string>;

const MEMBERSHIP_OPTIONS = ['learners', 'outgoing'];

/** What exists, and what happens to whole nodes and their disks. */
export const CLUSTER_COMMANDS: CommandTable = {
  /** `cluster 3 [learners=n4,n5] [outgoing=n3,n4] [trailingEntries=0 …]`: voters n1 to n3, any setting of RaftConfig. */
  cluster(world, [size, ...options]) {
    const parsed = parseOptions(options);
    const voters = Array.from({ length: numberFrom(size) }, (_, position) => nodeId(`n${position + 1}`));
    const parts = { votersOutgoing: nodesOf(parsed, 'outgoing'), learners: nodesOf(parsed, 'learners') };
    world.createCluster(membershipOf(voters, parts) satisfies Membership, settingsOf(parsed));
  },

  /** `join n4`: a fresh node that belongs to no membership. */
  join: upTo(1, (world, [id]) => {
    world.join(nodeNamed(id));
  }),

  /** `given n1 log=1,1,4 [term=4] [vote=n2]`: what is on its disk before anything happens; by default the last term, no vote. */
  given(world, [id, ...options]) {
    const parsed = parseOptions(options);
    const terms = (parsed.get('log') ?? '')
      .split(',')
      .filter((word) => word !== '')
      .map(numberFrom);
    const vote = parsed.get('vote');
    const lastTerm = terms.at(-1) ?? 0;
    const term = parsed.has('term') ? numberFrom(parsed.get('term')) : lastTerm;
    world.give(nodeNamed(id), { term, vote: vote === undefined ? null : nodeNamed(vote), terms });
  },

  crash: upTo(1, (world, [id]) => {
    world.node(nodeNamed(id)).crash();
    for (const link of world.snapshots.keys()) if (link.startsWith(`${id}->`)) world.snapshots.delete(link);
  }),

  restart: upTo(1, (world, [id]) => {
    world.node(nodeNamed(id)).start();
  }),

  /** `disk n1 hold`: writes wait. `disk n1 one`: the oldest is done. `disk n1 release`: all, and later ones at once. */
  disk: upTo(2, (world, [id, what]) => {
    const node = world.node(nodeNamed(id));
    const verb = oneOf(what, 'hold', 'one', 'release');
    if (verb === 'hold') node.holdDisk();
    else node.releaseDisk(verb === 'one' ? 1 : 'all');
  }),

  /** `checkpoint n1 [5]`: its state (at index 5) is saved, and the core told so. */
  checkpoint: upTo(2, (world, [id, index]) => {
    world.node(nodeNamed(id)).checkpoint(index === undefined ? null : numberFrom(index));
  }),

  /** `advance 50`: time passes, nothing is delivered. */
  advance: upTo(1, (world, [ms]) => {
    world.advance(numberFrom(ms), () => undefined);
  }),

  /** `run 50`: time passes, and all that is sent arrives at once. */
  run: upTo(1, (world, [ms]) => {
    const deliverAll = (): void => world.stabilize(new Set(world.nodes.keys()));
    deliverAll();
    world.advance(numberFrom(ms), deliverAll);
  }),
};

function parseOptions(words: readonly string[]): Options {
  return new Map(
    words.map((word) => {
      const [name = '', value] = word.split('=');
      if (value === undefined) throw new Error(`expected name=value, got ${word}`);
      return [name, value];
    }),
  );
}

function nodesOf(options: Options, name: string): NodeId[] {
  const value = options.get(name);
  return value === undefined ? [] : value.split(',').map(nodeNamed);
}

/** Numbers of RaftConfig, by their names there. */
function settingsOf(options: Options): Partial<RaftConfig> {
  const known = new Map(Object.entries(raftConfig()).filter(([, value]) => typeof value === 'number'));
  const settings = [...options].filter(([name]) => !MEMBERSHIP_OPTIONS.includes(name));
  for (const [name] of settings) if (!known.has(name)) throw new Error(`there is no setting ${name}`);
  return Object.fromEntries(settings.map(([name, value]) => [name, numberFrom(value)]));
}

export function everybody(world: World, words: readonly string[]): readonly NodeId[] {
  return words.length === 0 ? [...world.nodes.keys()] : words.map(nodeNamed);
}
