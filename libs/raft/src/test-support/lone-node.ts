import type { Effect } from '../effects.js';
import type { HardState } from '../hard-state.js';
import { proposalId, readId, type LogIndex, type NodeId } from '../ids.js';
import type { Input } from '../inputs.js';
import type { LogEntry } from '../log-entry.js';
import type { Membership } from '../membership.js';
import type { RaftMessage } from '../messages.js';
import { otherVoters } from '../quorum.js';
import type { RaftConfig } from '../raft-config.js';
import { RaftNode } from '../raft-node.js';
import type { RaftStatus } from '../raft-status.js';
import type { LogPosition, SnapshotMeta } from '../snapshot-meta.js';
import { hardState, membershipOf, NO_BASE, preVoteResponse, raftConfig, voteResponse } from './raft-builders.js';
import { StoredLog } from './stored-log.js';

export type SentMessage = { readonly to: NodeId; readonly message: RaftMessage };

type WriteEffect = Extract<Effect, { readonly type: 'persist' | 'installSnapshot' }>;
type SendEffect = Extract<Effect, { readonly type: 'send' }>;

export type LoneNodeOptions = {
  readonly voters?: readonly NodeId[];
  readonly membership?: Membership;
  readonly config?: Partial<RaftConfig>;
  readonly hardState?: HardState;
  readonly entries?: readonly LogEntry[];
  /** What `entries` follow on. */
  readonly base?: LogPosition;
  readonly snapshot?: SnapshotMeta;
  readonly joinedIndex?: LogIndex;
};

/** One real RaftNode whose peers are played by the test. Time stands still unless the test moves it. */
export class LoneNode {
  readonly id: NodeId;
  nowMs = 0;
  /** Writes complete by themselves right after the step; else by `completeWrites`. */
  autoPersist = true;
  readonly sent: SentMessage[] = [];
  readonly applied: LogEntry[] = [];
  /** Every other effect, such as refusals and completed reads. */
  readonly outcomes: Effect[] = [];
  /** The disk after every write handed out so far, durable or not. */
  private readonly disk: StoredLog;
  savedHardState: HardState;
  readonly pendingWrites: WriteEffect[] = [];
  private readonly node: RaftNode;
  private held: SendEffect[] = [];
  private durableId = 0;
  private lastProposalId = 0;

  constructor(options: LoneNodeOptions = {}) {
    const membership = options.membership ?? (options.voters === undefined ? undefined : membershipOf(options.voters));
    const config = raftConfig({ ...(membership && { initialMembership: membership }), ...options.config });
    this.id = config.nodeId;
    this.disk = new StoredLog(options.base ?? NO_BASE, [...(options.entries ?? [])]);
    this.savedHardState = options.hardState ?? hardState(this.disk.termAt(this.disk.lastIndex) ?? 0);
    this.node = new RaftNode(
      config,
      {
        hardState: this.savedHardState,
        base: this.disk.base,
        entries: this.disk.entries.slice(),
        snapshot: options.snapshot ?? null,
        ...(options.joinedIndex === undefined ? {} : { joinedIndex: options.joinedIndex }),
      },
      this.nowMs,
    );
  }

  get log(): readonly LogEntry[] {
    return this.disk.entries;
  }

  get logBase(): LogPosition {
    return this.disk.base;
  }

  get status(): RaftStatus {
    return this.node.status();
  }

  get nextDeadlineMs(): number {
    return this.node.nextDeadlineMs();
  }

  step(input: Input): Effect[] {
    const effects = this.node.step(input, this.nowMs);
    for (const effect of effects) this.run(effect);
    if (this.autoPersist) this.completeWrites();
    return effects;
  }

  receive(from: NodeId, message: RaftMessage): Effect[] {
    return this.step({ type: 'message', from, message });
  }

  /** What was sent and not taken yet. */
  takeSent(): SentMessage[] {
    return this.sent.splice(0);
  }

  takeSentTo(peer: NodeId): RaftMessage[] {
    return this.takeSent().flatMap(({ to, message }) => (to === peer ? [message] : []));
  }

  /** Moves time to the next deadline and ticks. */
  timeout(): Effect[] {
    this.nowMs = Math.max(this.nowMs, this.nextDeadlineMs);
    return this.step({ type: 'tick' });
  }

  advance(byMs: number): Effect[] {
    this.nowMs += byMs;
    return this.step({ type: 'tick' });
  }

  propose(...payloads: readonly Uint8Array[]): Effect[] {
    const proposals = payloads.map((data) => ({ proposalId: proposalId((this.lastProposalId += 1)), data }));
    return this.step({ type: 'propose', proposals });
  }

  read(id: number): Effect[] {
    return this.step({ type: 'read', readId: readId(id) });
  }

  /** Reports the first `count` pending writes durable, together. */
  completeWrites(count = this.pendingWrites.length): void {
    const last = this.pendingWrites.splice(0, count).at(-1);
    if (last === undefined) return;
    this.durableId = last.persistId;
    const held = this.held;
    this.held = [];
    for (const send of held) this.run(send);
    this.step({ type: 'persisted', persistId: last.persistId });
  }

  /** Times out and has every other voter grant the pre-vote: a candidate with its vote requests still in `sent`. */
  becomeCandidate(): void {
    this.timeout();
    const { currentTerm } = this.status;
    this.takeSent();
    for (const voter of this.voters()) {
      if (this.status.role === 'preCandidate') this.receive(voter, preVoteResponse(currentTerm, currentTerm + 1, true));
    }
  }

  /** Wins an election by all votes it needs; the no-op's appends are still in `sent`. */
  becomeLeader(): void {
    this.becomeCandidate();
    this.takeSent();
    for (const voter of this.voters()) {
      if (this.status.role === 'candidate') this.receive(voter, voteResponse(this.status.currentTerm, true));
    }
  }

  private voters(): readonly NodeId[] {
    return otherVoters(this.status.membership, this.id);
  }

  private run(effect: Effect): void {
    if (effect.type === 'persist' || effect.type === 'installSnapshot') this.write(effect);
    else if (effect.type === 'apply') this.applied.push(...effect.entries);
    else if (effect.type !== 'send') this.outcomes.push(effect);
    else if (effect.afterPersist === null || effect.afterPersist <= this.durableId) this.sent.push(effect);
    else this.held.push(effect);
  }

  private write(effect: WriteEffect): void {
    this.pendingWrites.push(effect);
    if (effect.hardState !== null) this.savedHardState = effect.hardState;
    if (effect.type === 'persist') this.disk.write(effect);
    else this.disk.install(effect.snapshot, effect.keepsTail);
  }
}
