import type { LogIndex, Membership, NodeId, RaftStatus } from '@latchkey/raft';
import type { Applier, NotedHash } from './applier.js';
import type { LeaderView } from './leader-view.js';
import { MAX_STATE_HASH_ROUNDS, STATE_HASH_INTERVAL_MS, STATE_HASH_WARNING_INTERVAL_MS } from './limits.js';
import type { PeerSender } from './peer-sender.js';
import type { Clock } from './ports/clock.js';
import type { ReplicaObserver } from './ports/observer.js';
import { hasMajority, isMemberOf, votersOf } from './quorum-of.js';

export type StateHashesOptions = {
  readonly nodeId: NodeId;
  /** Else nothing is said, and what others say is not heard. */
  readonly isOn: boolean;
  readonly sender: PeerSender;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly applier: Pick<Applier<unknown>, 'appliedIndex' | 'noteHashAt' | 'takeNotedHashes'>;
  /** Of the present core; null when none runs. */
  readonly status: () => RaftStatus | null;
  readonly observer: Pick<ReplicaObserver, 'stateHashDiffers' | 'warning'>;
  /** A majority agrees on another state than that of this node. */
  readonly onDiverged: (why: string) => void;
};

/** The states of the nodes right after one entry. */
type Round = {
  readonly hashes: Map<NodeId, string>;
  /** The leader has asked for it: everybody is told the own hash. */
  isNamed: boolean;
  isOwnTold: boolean;
  /** Whose difference was reported. */
  readonly reported: Set<NodeId>;
};

/**
 * The nodes compare their states (FAILURE-MODES 34). Now and then the leader names the last entry of its log: mostly nobody
 * has applied it yet, or everybody has and nothing after it. Each node tells all others the hash of its state right after it,
 * and judges for itself alone: it takes its own state for wrong only when a majority of the voters, itself not counted,
 * agrees on another one. So a single node that is wrong, or lies, can talk nobody else out; and where nobody has a
 * majority nobody leaves, but all say so.
 */
export class StateHashes {
  private readonly rounds = new Map<LogIndex, Round>();
  private isLeading = false;
  private lastNamedIndex = 0;
  private nextNamingMs = 0;
  private nextWarningMs = 0;

  constructor(private readonly options: StateHashesOptions) {}

  leaderChanged(view: LeaderView): void {
    this.isLeading = this.options.isOn && view.role === 'leader';
    this.lastNamedIndex = 0;
  }

  /** It has not heard of what was compared before. */
  peerUp(): void {
    this.lastNamedIndex = 0;
  }

  /** Somebody who believes to lead asks for the hash at `index`. */
  wanted(from: NodeId, index: LogIndex, view: LeaderView): void {
    if (this.options.isOn && view.leaderId === from) this.name(index);
  }

  told(from: NodeId, { index, hash }: NotedHash): void {
    const { isOn, status } = this.options;
    const membership = status()?.membership;
    const round = isOn ? this.roundAt(index) : null;
    if (round === null || membership === undefined || !isMemberOf(membership, from)) return;
    round.hashes.set(from, hash);
    this.judge(index, round);
  }

  nextDeadlineMs(): number {
    return this.hasNews ? this.nextNamingMs : Infinity;
  }

  /** In each turn, after entries were applied. */
  expire(nowMs: number): void {
    if (this.hasNews && nowMs >= this.nextNamingMs) this.nameNext(nowMs);
    for (const { index, hash } of this.options.applier.takeNotedHashes()) {
      const round = this.rounds.get(index);
      if (round === undefined) continue;
      round.hashes.set(this.options.nodeId, hash);
      this.tell(index, round);
      this.judge(index, round);
    }
  }

  private get hasNews(): boolean {
    return this.isLeading && this.options.applier.appliedIndex > this.lastNamedIndex;
  }

  private nameNext(nowMs: number): void {
    const status = this.options.status();
    if (status === null) return;
    const { lastLogIndex: index, membership } = status;
    this.nextNamingMs = nowMs + STATE_HASH_INTERVAL_MS;
    this.lastNamedIndex = index;
    const peers = this.others(membership);
    if (peers.length === 0) return;
    for (const peer of peers) this.options.sender.send(peer, { type: 'stateHashWanted', index });
    this.name(index);
  }

  private name(index: LogIndex): void {
    const round = this.roundAt(index);
    if (round === null || round.isNamed) return;
    round.isNamed = true;
    this.tell(index, round);
  }

  private tell(index: LogIndex, round: Round): void {
    const hash = round.hashes.get(this.options.nodeId);
    const membership = this.options.status()?.membership;
    if (hash === undefined || membership === undefined || !round.isNamed || round.isOwnTold) return;
    round.isOwnTold = true;
    for (const peer of this.others(membership)) this.options.sender.send(peer, { type: 'stateHash', index, hash });
  }

  /** Null when it is too late for this entry, or there is too much to compare already. */
  private roundAt(index: LogIndex): Round | null {
    const known = this.rounds.get(index);
    if (known !== undefined) return known;
    const { applier } = this.options;
    // Never to be known here. What it would say of others they say themselves.
    if (index < applier.appliedIndex) return null;
    if (this.rounds.size >= MAX_STATE_HASH_ROUNDS && !this.dropOldest()) return null;
    const round: Round = { hashes: new Map(), isNamed: false, isOwnTold: false, reported: new Set() };
    this.rounds.set(index, round);
    applier.noteHashAt(index);
    return round;
  }

  /** Those that wait for this node stay: else one that is always behind would never be compared. */
  private dropOldest(): boolean {
    const { appliedIndex } = this.options.applier;
    for (const index of this.rounds.keys()) {
      if (index <= appliedIndex) return this.rounds.delete(index);
    }
    return false;
  }

  private judge(index: LogIndex, { hashes, reported }: Round): void {
    const { nodeId, status, onDiverged } = this.options;
    const own = hashes.get(nodeId);
    const membership = status()?.membership;
    if (own === undefined || membership === undefined) return;
    for (const [peer, hash] of hashes) {
      if (hash === own || reported.has(peer)) continue;
      reported.add(peer);
      this.report(peer, index);
    }
    if (reported.size === 0 || votersOf(membership).length === 0) return;
    for (const hash of new Set(hashes.values())) {
      if (hash === own) continue;
      const agrees = (voter: NodeId): boolean => voter !== nodeId && hashes.get(voter) === hash;
      if (!hasMajority(membership, agrees)) continue;
      return onDiverged(`right after entry ${index} a majority has the state ${hash}, and this node ${own}`);
    }
  }

  private report(peer: NodeId, index: LogIndex): void {
    const { observer, clock } = this.options;
    const nowMs = clock.nowMs();
    observer.stateHashDiffers?.({ peer, index });
    if (nowMs < this.nextWarningMs) return;
    this.nextWarningMs = nowMs + STATE_HASH_WARNING_INTERVAL_MS;
    observer.warning?.('the states of two nodes differ', { code: 'STATE_HASH_MISMATCH', peer, index });
  }

  private others(membership: Membership): readonly NodeId[] {
    const all = new Set([...votersOf(membership), ...membership.learners]);
    return [...all].filter((node) => node !== this.options.nodeId);
  }
}
