import { LogStoreError } from '@latchkey/replica';
import { membersOf } from '../invariants/quorum.js';
import type { SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import type { Operator } from './operator.js';
import { canDoWithout, damagedNodes, possibleMemberships } from './possible-memberships.js';

/** Mean time from the end of one look through a disk to the end of the next. */
const SCRUB_MEAN_MS = 1_500;

export type BitRotWorld = { readonly world: World; readonly random: Random; readonly operator: Operator };

/** What is wrong with running nodes without their noticing: on their disks, or with the hashes of their states. */
export class BitRot {
  constructor(private readonly context: BitRotWorld) {}

  /** As a service of each node, also when there are no more faults: looks through the disk, and tells of damage. */
  scrub(): void {
    const { world, random } = this.context;
    for (const node of world.nodes) {
      const look = (): void => {
        const { damage } = node.disk.image;
        if (node.life !== null && damage !== null && damage.type !== 'lost') {
          const { replica, process } = node.life;
          const error = new LogStoreError('corrupt', `${damage.type} found by a look through the disk`);
          process.run(() => replica.storeFoundCorrupt(error));
        }
        world.queue.schedule(world.nowMs + random.exponential(SCRUB_MEAN_MS), look);
      };
      world.queue.schedule(world.nowMs + random.exponential(SCRUB_MEAN_MS), look);
    }
  }

  /** Flips bytes on the disk of a node, which goes on: it reads nothing of its log, nor of most rows, before its next start. */
  strikeDisk(): void {
    const { random, world } = this.context;
    const node = this.victim();
    if (node === null) return;
    const { image } = node.disk;
    const rows = image.rowKeys;
    if (rows.length > 0 && random.chance(0.5)) image.damage = { type: 'row', key: random.pick(rows) };
    else if (image.lastIndex > image.base.index) {
      const entry = image.entryAt(random.integer(image.base.index + 1, image.lastIndex));
      if (entry !== null) image.damage = { type: 'entry', index: entry.index };
    }
    if (image.damage !== null) world.note(node, 'rotten', image.damage.type);
  }

  /**
   * From now on the node tells another hash of its state than that of the others. Its answers stay right: what a node tells its
   * clients while its state is wrong is wrong, and nobody could promise otherwise.
   */
  strikeState(): void {
    const node = this.victim();
    if (node?.life === null || node === null) return;
    node.life.isAstray = true;
    this.context.world.note(node, 'astray');
  }

  /** A member that runs, such that a majority is sound without it. */
  private victim(): SimulatedNode | null {
    const { world, random, operator } = this.context;
    const members = membersOf(world.committed.membership);
    const node = random.pick(world.nodes.filter(({ id }) => members.has(id)));
    const lost = new Set([...damagedNodes(world), node.id]);
    const memberships = possibleMemberships(world, operator.possibleTargets);
    const isUsed = node.disk.image.identity.founders !== null && node.disk.image.hardState.currentTerm > 0;
    return operator.isBusy || !isUsed || damagedNodes(world).has(node.id) || !canDoWithout(memberships, lost)
      ? null
      : node;
  }
}
