import type { NodeId } from '@latchkey/raft';
import type { DiskCopy } from '../disk/disk-image.js';
import { membersOf, voterSetsOf } from '../invariants/quorum.js';
import type { SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import type { Operator } from './operator.js';
import { canDoWithout, damagedNodes, possibleMemberships } from './possible-memberships.js';

const ROLL_BACK_CHANCE = 0.5;

export type AmnesiaWorld = { readonly world: World; readonly random: Random; readonly operator: Operator };

/** Disks of a minority that are exchanged for empty ones, or set back to an earlier time, and nobody says a word about it. */
export class Amnesia {
  private readonly copies = new Map<NodeId, DiskCopy>();

  constructor(private readonly context: AmnesiaWorld) {}

  strike(): void {
    const { world, random, operator } = this.context;
    const members = membersOf(world.committed.membership);
    const node = random.pick(world.nodes.filter(({ id }) => members.has(id)));
    const { image } = node.disk;
    const copy = this.copies.get(node.id);
    this.copies.set(node.id, image.copy());
    const lost = new Set([...damagedNodes(world), node.id]);
    const memberships = possibleMemberships(world, operator.possibleTargets);
    // What was never founded has nothing to lose.
    const isUsed = image.identity.founders !== null && image.hardState.currentTerm > 0;
    if (operator.isBusy || image.damage !== null || !isUsed || !canDoWithout(memberships, lost)) return;
    node.crash({ peersLearn: random.chance(0.5) });
    if (copy !== undefined && random.chance(ROLL_BACK_CHANCE) && this.isNoticed(node, copy)) {
      world.note(node, 'rolled back', `to ${copy.base.index + copy.entries.length}`);
      image.lose(() => image.rollBackTo(copy));
    } else {
      world.note(node, 'lost its disk');
      const hasVote = memberships.some((membership) => voterSetsOf(membership).flat().includes(node.id));
      // On what one without a vote held nobody counts: one that joined so may go on as if it did so now.
      if (node.joins && !hasVote) node.exchangeDisk();
      else image.lose(() => node.exchangeDisk());
    }
  }

  /**
   * Others cannot know what they have not seen: a store that was set back is told by what they remember durably, which is
   * the epoch, as their memories may end at any time. The next process that claims it will show the one after the copy's.
   */
  private isNoticed(node: SimulatedNode, { identity }: DiskCopy): boolean {
    const { world } = this.context;
    const voters = world.committed.membership.voters.filter((id) => id !== node.id);
    const remembered = world.nodes
      .filter(({ id }) => voters.includes(id))
      .map(({ disk }) => disk.image.identity.peers.get(node.id));
    return remembered.every((record) => record?.storeId === identity.storeId && record.epoch > identity.epoch + 1);
  }
}
