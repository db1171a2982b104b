import type { NodeId } from '@latchkey/raft';
import type { DiskCopy } from '../disk/disk-image.js';
import { membersOf, voterSetsOf } from '../invariants/quorum.js';
import type { SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import type { Operator } from './operator.js';
import { canDoWithout, damagedNodes, possibleMemberships } from './possible-memberships.js';

const ROLL_BACK_CHANCE = 0.8;
const BACK_UP_INTERVAL_MS = 2_000;
/** That another copy takes the place of the one that there is. */
const BACK_UP_CHANCE = 0.1;

export type AmnesiaWorld = { readonly world: World; readonly random: Random; readonly operator: Operator };

/** Disks of a minority that are exchanged for empty ones, or set back to an earlier time, and nobody says a word about it. */
export class Amnesia {
  private readonly copies = new Map<NodeId, DiskCopy>();

  constructor(private readonly context: AmnesiaWorld) {}

  /** Copies are made from now on, as by somebody who makes backups. */
  begin(): void {
    const { queue, nowMs } = this.context.world;
    this.backUpAll();
    queue.schedule(nowMs + BACK_UP_INTERVAL_MS, () => this.begin());
  }

  strike(): void {
    const { world, random, operator } = this.context;
    const members = membersOf(world.committed.membership);
    const node = random.pick(world.nodes.filter(({ id }) => members.has(id)));
    const { image } = node.disk;
    const copy = this.copies.get(node.id);
    const lost = new Set([...damagedNodes(world), node.id]);
    const memberships = possibleMemberships(world, operator.possibleTargets);
    // What was never founded has nothing to lose.
    const isUsed = image.identity.founders !== null && image.hardState.currentTerm > 0;
    if (operator.isBusy || image.damage !== null || !isUsed || !canDoWithout(memberships, lost)) return;
    node.crash({ peersLearn: random.chance(0.5) });
    if (copy !== undefined && random.chance(ROLL_BACK_CHANCE) && this.isNoticed(node, copy)) {
      world.note(node, 'rolled back', `to ${copy.base.index + copy.entries.length}`);
      const lostStarts = image.identity.epoch - copy.identity.epoch;
      image.lose(() => image.rollBackTo(copy));
      // Before it reaches anybody: so the epoch that the others remember may be there once more.
      for (let starts = random.integer(0, lostStarts + 1); starts > 0; starts -= 1) image.claim(random.bits48());
    } else {
      world.note(node, 'lost its disk');
      const hasVote = memberships.some((membership) => voterSetsOf(membership).flat().includes(node.id));
      // On what one without a vote held nobody counts: one that joined so may go on as if it did so now.
      if (node.joins && !hasVote) node.exchangeDisk();
      else image.lose(() => node.exchangeDisk());
    }
  }

  /** A copy stays for a while: the older it is, the more has happened since. */
  private backUpAll(): void {
    const { world, random } = this.context;
    for (const { id, disk } of world.nodes) {
      const isOfThisHistory = this.copies.get(id)?.identity.storeId === disk.image.identity.storeId;
      if (disk.image.damage !== null || (isOfThisHistory && !random.chance(BACK_UP_CHANCE))) continue;
      this.copies.set(id, disk.image.copy());
    }
  }

  /**
   * Others cannot know what they have not seen: a store that was set back is told by what they remember durably, which is a
   * claim, as their memories may end at any time. One that was made after the copy is enough: the copy does not have it.
   */
  private isNoticed(node: SimulatedNode, { identity }: DiskCopy): boolean {
    const { world } = this.context;
    const voters = world.committed.membership.voters.filter((id) => id !== node.id);
    const remembered = world.nodes
      .filter(({ id }) => voters.includes(id))
      .map(({ disk }) => disk.image.identity.peers.get(node.id));
    return remembered.every((record) => record?.storeId === identity.storeId && record.epoch > identity.epoch);
  }
}
