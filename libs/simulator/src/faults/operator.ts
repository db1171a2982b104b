import type { Membership, MembershipChange, NodeId } from '@latchkey/raft';
import { ReplicaError, type ReplicaErrorCode } from '@latchkey/replica';
import { isJoint, isSameMembership, membersOf } from '../invariants/quorum.js';
import type { Life, SimulatedNode } from '../node/simulated-node.js';
import type { Random } from '../world/random.js';
import type { World } from '../world/world.js';
import { canDoWithout, damagedNodes, mayForget } from './possible-memberships.js';

const MAX_ATTEMPTS = 100;
const RETRY_MS = { min: 10, max: 150 };
const LOOK_MS = 20;
/** After a change whose outcome is not known, messages with it may still be on their way. */
const LATE_MS = 15_000;
const FORGET_WAIT_MS = 10_000;

/** Answers that a call of a replica may end with; anything else breaks a promise. */
const TRANSFER_ENDINGS: readonly ReplicaErrorCode[] = ['NOT_LEADER', 'TRANSFER_FAILED', 'SHUTTING_DOWN', 'NO_LEADER'];
const CHANGE_ENDINGS: readonly ReplicaErrorCode[] = [
  'NOT_LEADER',
  'MEMBERSHIP_REFUSED',
  'OUTCOME_UNKNOWN',
  'SHUTTING_DOWN',
  'NO_LEADER',
  'OVERLOADED',
];

/** A change that was asked for, as long as it may come about. */
type Asked = { readonly target: Membership; untilMs: number };
type Call = { readonly what: string; readonly life: Life; isSettled: boolean; code: ReplicaErrorCode | null };

/** Who changes members and leaders, as a person at the cluster's command line would: tries again, and looks what became of it. */
export class Operator {
  /** What it does takes a while, and it does one thing at a time. */
  isBusy = false;
  isOver = false;
  private asked: Asked[] = [];
  private calls: Call[] = [];

  constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /** One task, unless another is under way; `run` must look at `isOver` after each wait. */
  begin(run: () => Promise<void>): void {
    if (this.isBusy || this.isOver) return;
    this.isBusy = true;
    void run().then(() => {
      this.isBusy = false;
    });
  }

  /** Targets of changes that may still come about. */
  get possibleTargets(): readonly Membership[] {
    this.asked = this.asked.filter(({ untilMs }) => this.world.nowMs < untilMs);
    return this.asked.map(({ target }) => target);
  }

  /** Calls of processes that still live and were never answered. */
  get unanswered(): readonly string[] {
    return this.calls.filter(({ isSettled, life }) => !isSettled && life.process.isAlive).map(({ what }) => what);
  }

  /** True when the membership is as the change wants it. */
  async change(change: MembershipChange): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !this.isOver; attempt += 1) {
      if (attempt > 0) await this.world.sleep(this.random.between(RETRY_MS.min, RETRY_MS.max));
      const leader = this.leader();
      const life = leader?.life ?? null;
      if (leader === null || life === null || this.isOver) continue;
      const { membership } = life.replica.status();
      if (isJoint(membership)) continue;
      const target = targetOf(membership, change);
      if (target === null) return false;
      if (isSameMembership(target, membership)) return true;
      const { possibleTargets } = this;
      if (!canDoWithout([...possibleTargets, target], damagedNodes(this.world))) return false;
      await this.ask(leader, life, change, target);
    }
    return false;
  }

  /** @param to null: whoever is furthest */
  transfer(node: SimulatedNode, to: NodeId | null): void {
    const { life } = node;
    if (life === null) return;
    this.world.note(node, 'transfer', `to ${to ?? 'anybody'}`);
    const ended = this.call(
      { node, life, what: `transfer from ${node.id}` },
      TRANSFER_ENDINGS,
      life.replica.transferLeadership(to),
    );
    void ended.then(({ code }) => this.world.note(node, 'transfer ended', code ?? ''));
  }

  /** Learner, then voter. */
  async admit(node: SimulatedNode): Promise<boolean> {
    this.boot(node);
    if (!(await this.change({ type: 'addLearner', node: node.id, address: null }))) return false;
    return this.change({ type: 'promote', node: node.id });
  }

  /** With settings that name the members that there are now. */
  boot(node: SimulatedNode): void {
    node.configuredPeers = [...membersOf(this.world.committed.membership)];
    node.isSupervised = true;
    node.start();
  }

  /** Removes it, gives it an empty disk when it is safe, and takes it in again; with its old disk if it never is. */
  async replace(node: SimulatedNode): Promise<void> {
    const { world } = this;
    if (!(await this.change({ type: 'remove', node: node.id }))) return;
    const giveUpMs = world.nowMs + FORGET_WAIT_MS;
    while (!mayForget(world, node, this.possibleTargets)) {
      if (this.isOver || world.nowMs >= giveUpMs) break;
      await world.sleep(LOOK_MS);
    }
    if (this.isOver) return;
    if (mayForget(world, node, this.possibleTargets)) {
      node.crash({ peersLearn: this.random.chance(0.5) });
      node.replaceMachine();
    } else if (node.disk.image.damage !== null) return;
    await this.admit(node);
  }

  /** Who says so; there can be more than one for a while. */
  leader(): SimulatedNode | null {
    const leaders = this.world.nodes.filter(({ life }) => life?.replica.status().role === 'leader');
    return leaders.length === 0 ? null : this.random.pick(leaders);
  }

  private async ask(node: SimulatedNode, life: Life, change: MembershipChange, target: Membership): Promise<void> {
    const asked = { target, untilMs: Infinity };
    this.asked.push(asked);
    const what = `${change.type} ${'node' in change ? change.node : change.voters.join(' ')}`;
    this.world.note(node, 'change', what);
    const call = await this.call({ node, life, what }, CHANGE_ENDINGS, life.replica.changeMembership(change));
    this.world.note(node, 'change ended', call.isSettled ? (call.code ?? 'done') : 'died');
    const isKnown = call.isSettled && call.code !== 'OUTCOME_UNKNOWN';
    asked.untilMs = isKnown ? this.world.nowMs : this.world.nowMs + LATE_MS;
  }

  /** Resolves when the call is answered or its process has died. */
  private async call(
    { node, life, what }: { readonly node: SimulatedNode; readonly life: Life; readonly what: string },
    endings: readonly ReplicaErrorCode[],
    promise: Promise<unknown>,
  ): Promise<Call> {
    const call: Call = { what, life, isSettled: false, code: null };
    this.calls = this.calls.filter(({ isSettled, life: { process } }) => !isSettled && process.isAlive);
    this.calls.push(call);
    promise.then(
      () => {
        call.isSettled = true;
      },
      (error: unknown) => {
        call.isSettled = true;
        call.code = error instanceof ReplicaError ? error.code : null;
        if (call.code !== null && endings.includes(call.code)) return;
        this.world.violate({
          invariant: 'operatorAnswer',
          message: `${node.id} answered ${what} with ${String(error)}`,
        });
      },
    );
    while (!call.isSettled && life.process.isAlive) await this.world.sleep(LOOK_MS);
    return call;
  }
}

/** Null when it cannot be asked for; not checked further, as refusals are part of the work. */
function targetOf(current: Membership, change: MembershipChange): Membership | null {
  const { voters, learners } = current;
  if (change.type === 'setVoters') {
    const known = membersOf(current);
    if (!change.voters.every((node) => known.has(node))) return null;
    return {
      voters: change.voters,
      votersOutgoing: [],
      learners: learners.filter((node) => !change.voters.includes(node)),
    };
  }
  const { node } = change;
  const others = { voters: voters.filter((each) => each !== node), learners: learners.filter((each) => each !== node) };
  switch (change.type) {
    case 'addLearner':
      return voters.includes(node) ? null : { ...others, votersOutgoing: [], learners: [...others.learners, node] };
    case 'promote':
      if (!membersOf(current).has(node)) return null;
      return { ...others, votersOutgoing: [], voters: [...others.voters, node] };
    case 'demote':
      if (!membersOf(current).has(node) || others.voters.length === 0) return null;
      return { ...others, votersOutgoing: [], learners: [...others.learners, node] };
    case 'remove':
      return others.voters.length === 0 ? null : { ...others, votersOutgoing: [] };
  }
}
