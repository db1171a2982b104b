import type { FaultClass } from '../plan.js';
import { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import { Amnesia } from './amnesia.js';
import { BitRot } from './bit-rot.js';
import {
  changeMembers,
  damageDisk,
  repairDamaged,
  transferLeadership,
  wipeMember,
  type MembershipFaultWorld,
} from './membership-faults.js';
import { applyNetworkBehaviour, partition } from './network-faults.js';
import {
  applyDiskBehaviour,
  crash,
  crashInTurn,
  fillDisk,
  jumpWallClock,
  pause,
  slowDown,
  stallDisk,
} from './node-faults.js';
import { Operator } from './operator.js';

/** Mean time between two faults of one class at full intensity. */
const MEAN_INTERVAL_MS = 4_000;
/** Of those that disturb nobody for long, so that there can be more of them. */
const OFTEN: Readonly<Partial<Record<FaultClass, number>>> = { transfer: 1_000, membership: 1_000, wipeRejoin: 2_000 };
const SUPERVISOR_LOOK_MS = 50;
const RESTART_MS = { min: 10, max: 3_000 };
const SLOW_DISK_MS_MAX = 80;

/** Classes that strike again and again, each on its own clock. */
const STRIKING: readonly FaultClass[] = [
  'clog',
  'isolate',
  'split',
  'oneWay',
  'bridge',
  'ring',
  'chain',
  'twoLeaf',
  'flap',
  'crash',
  'crashInTurn',
  'crashAll',
  'gracefulRestart',
  'pause',
  'suspend',
  'slowNode',
  'diskStall',
  'diskFull',
  'wallJump',
  'corruptEntry',
  'transfer',
  'membership',
  'wipeRejoin',
  'amnesia',
  'bitRot',
  'astray',
];

/** Brings the plan's faults into the world, until it is told to stop; starts again what has crashed. */
export class Nemesis {
  readonly operator: Operator;
  private isStopped = false;
  private readonly random: Random;
  private readonly members: MembershipFaultWorld;
  private readonly amnesia: Amnesia;
  private readonly bitRot: BitRot;
  private readonly restarting = new Set<string>();

  constructor(private readonly world: World) {
    this.random = new Random(world.plan.seed, 'faults');
    this.operator = new Operator(world, new Random(world.plan.seed, 'operator'));
    const amnesia = new Random(world.plan.seed, 'amnesia');
    this.amnesia = new Amnesia({ world, operator: this.operator, random: amnesia });
    const bitRot = new Random(world.plan.seed, 'bit rot');
    this.bitRot = new BitRot({ world, operator: this.operator, random: bitRot });
    this.members = { world, operator: this.operator, random: new Random(world.plan.seed, 'membership faults') };
  }

  begin(): void {
    const { world } = this;
    applyNetworkBehaviour(world, this.random);
    applyDiskBehaviour(world);
    const { faults } = world.plan;
    const { slowDisk } = faults;
    if (slowDisk !== undefined) {
      for (const { disk } of world.nodes) {
        const meanMs = this.random.between(1, SLOW_DISK_MS_MAX * slowDisk);
        disk.health.latencyMs = () => this.random.exponential(meanMs);
      }
    }
    for (const name of STRIKING) {
      const intensity = faults[name];
      if (intensity !== undefined) this.strikeLater(name, intensity);
    }
    if (faults.amnesia !== undefined) this.amnesia.begin();
    if (faults.bitRot !== undefined) this.bitRot.scrub();
    this.supervise();
  }

  stop(): void {
    this.isStopped = true;
    this.operator.isOver = true;
  }

  private strikeLater(name: FaultClass, intensity: number): void {
    const { world, random } = this;
    const meanMs = (OFTEN[name] ?? MEAN_INTERVAL_MS) / intensity;
    world.queue.schedule(world.nowMs + random.exponential(meanMs), () => {
      if (this.isStopped) return;
      this.strike(name);
      this.strikeLater(name, intensity);
    });
  }

  private strike(name: FaultClass): void {
    const { world, random } = this;
    const node = random.pick(world.nodes);
    const durationMs = random.exponential(world.plan.electionTimeoutMs * 3);
    switch (name) {
      case 'crash':
        return crash(node, random);
      case 'crashInTurn':
        return crashInTurn(node, random);
      case 'crashAll':
        for (const each of world.nodes) crash(each, random);
        return;
      case 'gracefulRestart':
        return node.stop(() => undefined);
      case 'pause':
        return pause(world, node, { durationMs, freezesClock: false });
      case 'suspend':
        return pause(world, node, { durationMs, freezesClock: true });
      case 'slowNode':
        return slowDown(world, random, node, durationMs);
      case 'diskStall':
        return stallDisk(world, node, durationMs);
      case 'diskFull':
        return fillDisk(world, node, durationMs);
      case 'wallJump':
        return jumpWallClock(world, random, node);
      case 'corruptEntry':
        return damageDisk(this.members);
      case 'transfer':
        return transferLeadership(this.members);
      case 'membership':
        return changeMembers(this.members);
      case 'wipeRejoin':
        return wipeMember(this.members);
      case 'amnesia':
        return this.amnesia.strike();
      case 'bitRot':
        return this.bitRot.strikeDisk();
      case 'astray':
        return this.bitRot.strikeState();
      case 'clog':
        return world.network.clog({ from: node.id, to: random.pick(world.nodes).id }, world.nowMs + durationMs);
      default:
        return partition(world, random, name, durationMs);
    }
  }

  /** What a service manager does: a process that has ended is started again after a while. */
  private supervise(): void {
    const { world, random } = this;
    const { membership, wipeRejoin } = world.plan.faults;
    if (membership !== undefined || wipeRejoin !== undefined) repairDamaged(this.members);
    for (const node of world.nodes) {
      if (node.isUp || !node.isSupervised || this.restarting.has(node.id)) continue;
      this.restarting.add(node.id);
      world.queue.schedule(world.nowMs + random.between(RESTART_MS.min, RESTART_MS.max), () => {
        this.restarting.delete(node.id);
        if (!this.isStopped && node.isSupervised) node.start();
      });
    }
    world.queue.schedule(world.nowMs + SUPERVISOR_LOOK_MS, () => {
      if (!this.isStopped) this.supervise();
    });
  }
}
