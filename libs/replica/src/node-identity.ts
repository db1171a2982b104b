import { assertNever, type LogIndex, type Membership, type NodeId } from '@latchkey/raft';
import { Admission, type AdmissionDecision } from './admission.js';
import {
  ADMISSION_ASK_HEARTBEATS,
  ADMISSION_GRACE_HEARTBEATS,
  RELEASE_ASK_ELECTION_TIMEOUTS,
  RELOAD_BACKOFF_MAX_MS,
  RELOAD_BACKOFF_MIN_MS,
  STORE_CLAIM_INTERVAL_MS,
} from './limits.js';
import { LostHistory, type RejoinReason } from './lost-history.js';
import type { Clock } from './ports/clock.js';
import type { IdentityMessage } from './ports/identity-messages.js';
import type { IdentityStore, LossReason, NewHistory, StoreId, StoreIdentity } from './ports/identity-store.js';
import type { DurableState, LogStore } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { hasVote } from './quorum-of.js';
import type { CoreStart } from './raft-core.js';
import { isCorrupt, isRecoverable } from './store-reload.js';
import { positionOf, standingOf, type StandingKind, type StoreStanding } from './store-standing.js';
import { isConfirmation, storeTagOf } from './store-tag.js';
import { StoreWatch, type ReceivedRaft, type StoreWatchHost } from './store-watch.js';

/** Who the store of a node is, and how it comes back when it has lost something. */
export type IdentityOptions = {
  readonly store: IdentityStore;
  /** A name that no store has had: random. */
  readonly newStoreId: () => StoreId;
};

/** What the life of a node before it takes part needs of the driver. */
export interface IdentityHost extends StoreWatchHost {
  /** Brings the state machine to the checkpoint. @throws LogStoreError */
  restore(durable: DurableState): Promise<void>;
  /** The core forgets what the store of `peer`, which has no vote, had confirmed before; in this turn. */
  forgetProgress(peer: NodeId): void;
  /** The node takes part from here on. */
  begin(durable: DurableState, start: CoreStart): void;
  /** It takes no part for now. `membership`: with whom to be connected; null when it is not known. */
  phaseChanged(phase: 'admitting' | 'rejoining', membership: Membership | null): void;
  rejoining(reason: RejoinReason | null): void;
  removed(): void;
  fail(error: unknown): void;
}

export type NodeIdentityOptions = IdentityOptions & {
  readonly nodeId: NodeId;
  readonly incarnation: number;
  readonly configured: Membership;
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly logStore: LogStore;
  readonly clock: Clock;
  readonly host: IdentityHost;
};

/** What was found in the store. `durable` null: it is corrupt. */
type Opened = { readonly identity: StoreIdentity; readonly durable: DurableState | null };

/** `busy`: a call to the store decides what comes next. */
type Stage = 'closed' | 'busy' | 'admitting' | 'rejoining' | 'running' | 'ended';

/**
 * A node before it takes part: it looks who its store is, asks the others whether that is who they know, and when it is not,
 * has itself released from all that the store had promised and begins anew as a learner (FAILURE-MODES 29, 32).
 */
export class NodeIdentity {
  private stage: Stage = 'closed';
  private opened: Opened | null = null;
  private standing: StoreStanding | null = null;
  private admission: Admission | null = null;
  private watch: StoreWatch | null = null;
  private lost: LostHistory | null = null;
  private storeTag = 0;
  private lastReason: RejoinReason | null = null;
  /** The cluster counts on nothing that the store of this node held. */
  private isReleased = false;
  private nextAskMs = Infinity;
  private retryDelayMs = RELOAD_BACKOFF_MIN_MS;
  private underWay: Promise<void> = Promise.resolve();

  constructor(private readonly options: NodeIdentityOptions) {}

  /** Why the node has lost its vote, until it has it back. */
  get reason(): RejoinReason | null {
    return this.lastReason;
  }

  /** Looks at the store; the node takes part at once if nobody else has a say. @throws LogStoreError */
  async open(): Promise<void> {
    this.stage = 'busy';
    await this.read();
    const { standing } = this;
    if (standing?.kind === 'alone' || (standing?.kind === 'joining' && this.isReleased)) await this.enter();
  }

  /** Whether there is something to lose: the node takes part, or waits to. */
  get mayLose(): boolean {
    return this.stage === 'running' || this.stage === 'admitting';
  }

  /** For the next process: it must not use what the store holds. This one is done. Only while `mayLose`. @throws LogStoreError */
  markLost(reason: LossReason): Promise<void> {
    this.becomes('ended');
    this.nextAskMs = Infinity;
    this.lastReason = reason;
    const marked = this.options.store.markLost(reason);
    this.underWay = marked.catch(() => undefined);
    return marked;
  }

  receive(from: NodeId, message: IdentityMessage): void {
    const { watch, stage } = this;
    if (stage === 'closed' || stage === 'ended') return;
    switch (message.type) {
      case 'storeClaim':
        return this.takeClaim(from, message);
      case 'storeVerdict':
        return this.takeVerdict(from, message);
      case 'releaseAnswer':
        return this.takeReleaseAnswer(from, message);
      case 'releaseWanted': {
        const membership = watch?.leaderMembership() ?? null;
        if (membership !== null) watch?.releases.asked(from, message, membership);
        return;
      }
      case 'voteWanted': {
        const membership = watch?.leaderMembership() ?? null;
        const isKnown = watch?.peers.recordOf(from)?.storeId === message.storeId;
        if (membership !== null)
          watch?.releases.voteWanted({ node: from, storeId: message.storeId, isKnown }, membership);
        return;
      }
      case 'voteGiven':
        return watch?.voteGiven(message.storeId);
      default:
        return assertNever(message);
    }
  }

  /** Whether what the message says counts. */
  heard(from: NodeId, message: ReceivedRaft): boolean {
    return this.watch?.heard(from, message) ?? true;
  }

  /** As it is sent: with a confirmation goes whose store it is. */
  signed(message: PeerMessage): PeerMessage {
    if (message.type !== 'raft' || this.opened === null || !isConfirmation(message)) return message;
    return { type: 'raft', message: message.message, storeTag: this.storeTag };
  }

  peerUp(peer: NodeId): void {
    if (this.stage === 'rejoining') this.lost?.ask(peer);
    else if (this.stage !== 'closed' && this.stage !== 'ended') this.sayWho(peer);
  }

  membershipCommitted(index: LogIndex, membership: Membership): void {
    this.watch?.membershipCommitted(index, membership);
  }

  /** The log was replaced by a snapshot. */
  jumped(): void {
    this.watch?.jumped();
  }

  /** In each turn of the driver. */
  advance(nowMs: number): void {
    switch (this.stage) {
      case 'admitting':
        return this.seekAdmission(nowMs);
      case 'rejoining':
        if (nowMs >= this.nextAskMs) this.askForRelease(nowMs);
        return;
      case 'running':
        if (this.watch?.releases.hasConfirmed === true) this.release();
        if (nowMs < this.nextAskMs) return;
        this.nextAskMs = nowMs + STORE_CLAIM_INTERVAL_MS;
        return this.watch?.beat();
      case 'closed':
      case 'busy':
      case 'ended':
        return;
    }
  }

  nextDeadlineMs(): number {
    if (this.stage === 'busy') return Infinity;
    const graceEndsMs = this.stage === 'admitting' ? (this.admission?.nextDeadlineMs() ?? Infinity) : Infinity;
    return Math.min(this.nextAskMs, graceEndsMs);
  }

  /** Calls to the store that must have ended before it is loaded again. */
  idle(): Promise<unknown> {
    return Promise.all([this.underWay, this.watch?.idle(), this.lost?.idle()]);
  }

  /** For good. */
  close(): Promise<unknown> {
    this.stage = 'ended';
    this.nextAskMs = Infinity;
    return this.idle();
  }

  private async read(): Promise<void> {
    const { nodeId, configured, host, store } = this.options;
    const durable = await this.load();
    const identity = await store.identify();
    this.opened = { identity, durable };
    this.storeTag = storeTagOf(identity.storeId);
    if (durable === null) return this.lose('corrupt');
    this.standing = standingOf(identity, durable, { nodeId, configured });
    if (identity.lost !== null) return this.lose(identity.lost);
    this.watch = this.newWatch(identity, durable, this.standing);
    const graceMs = ADMISSION_GRACE_HEARTBEATS * this.options.heartbeatIntervalMs;
    this.admission = new Admission({ nodeId, standing: this.standing, graceMs });
    this.becomes('admitting');
    host.phaseChanged('admitting', this.standing.membership);
  }

  private newWatch(identity: StoreIdentity, durable: DurableState, standing: StoreStanding): StoreWatch {
    const { nodeId, incarnation, host, store } = this.options;
    const loaded = positionOf(durable);
    const onVoteRegained = (): void => this.rejoined();
    return new StoreWatch({ nodeId, incarnation, store, identity, standing, loaded, host, onVoteRegained });
  }

  /** Null when what is there is not what was written. @throws LogStoreError */
  private async load(): Promise<DurableState | null> {
    try {
      return await this.options.logStore.load();
    } catch (error) {
      if (isCorrupt(error)) return null;
      throw error;
    }
  }

  private seekAdmission(nowMs: number): void {
    const decision: AdmissionDecision = this.admission?.decide(nowMs) ?? { type: 'wait' };
    switch (decision.type) {
      case 'admitted':
        return this.doing(() => this.enter());
      case 'lost':
        return this.lose(decision.reason);
      case 'removed':
        return this.options.host.removed();
      case 'wait':
        if (nowMs < this.nextAskMs) return;
        this.nextAskMs = nowMs + ADMISSION_ASK_HEARTBEATS * this.options.heartbeatIntervalMs;
        for (const peer of this.options.host.connectedPeers()) this.sayWho(peer);
        return;
      default:
        assertNever(decision);
    }
  }

  /** The node takes part with what it has found. @throws LogStoreError */
  private async enter(): Promise<void> {
    const { opened, standing, watch, options } = this;
    const durable = opened?.durable ?? null;
    if (opened === null || durable === null || standing === null || watch === null) return;
    const { initialMembership } = standing;
    const isFounder = hasVote(initialMembership, options.nodeId);
    if (isFounder) await watch.rememberFounders(initialMembership.voters, options.host.nowMs());
    const joinedIndex = await this.rememberJoined(opened.identity, standing.kind);
    try {
      await options.host.restore(durable);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      // Nothing of it was said to anybody yet.
      return this.lose('corrupt');
    }
    if (this.stage === 'ended') return;
    this.becomes('running');
    if (watch.wantsVoteBack) this.lastReason ??= 'replaced';
    else this.rejoined();
    watch.begin(durable.checkpoint);
    options.host.begin(durable, { initialMembership, joinedIndex });
  }

  /**
   * The log that it is sent begins in times when this node, or another one of its name, may have had a vote, and perhaps the
   * only one. After a restart nothing else would tell these from the present. @throws LogStoreError
   */
  private async rememberJoined({ joinedIndex }: StoreIdentity, kind: StandingKind): Promise<LogIndex> {
    const knownIndex = this.admission?.knownIndex ?? joinedIndex;
    if (kind !== 'joining' || knownIndex <= joinedIndex) return joinedIndex;
    await this.options.store.rememberJoined(knownIndex);
    return knownIndex;
  }

  private lose(reason: RejoinReason): void {
    const { opened } = this;
    if (opened === null) return;
    const { nodeId, store, host } = this.options;
    const onVoteNoted = (): void => {
      if (this.stage !== 'rejoining') return;
      this.nextAskMs = -Infinity;
      host.schedule();
    };
    this.lost = new LostHistory({ nodeId, identity: opened.identity, store, host, onVoteNoted });
    this.lastReason = reason;
    this.becomes('rejoining');
    host.phaseChanged('rejoining', this.standing?.membership ?? null);
    host.rejoining(reason);
  }

  private askForRelease(nowMs: number): void {
    this.nextAskMs = nowMs + RELEASE_ASK_ELECTION_TIMEOUTS * this.options.electionTimeoutMs;
    this.lost?.askEverybody();
  }

  private takeReleaseAnswer(from: NodeId, answer: Extract<IdentityMessage, { readonly type: 'releaseAnswer' }>): void {
    const { lost, stage, options } = this;
    if (stage !== 'rejoining' || lost === null) return;
    if (!lost.answered(from, answer)) return;
    const { wantsVoteBack } = lost;
    const storeId = options.newStoreId();
    this.doing(() => this.startAnew({ storeId, wantsVoteBack, joinedIndex: answer.membershipIndex }));
  }

  /** Until it works: nothing was written to the store in between, so that doing it twice does no harm. */
  private async startAnew(history: NewHistory): Promise<void> {
    await this.options.store.startAnew(history);
    await this.read();
    this.isReleased = true;
    if (this.standing?.kind === 'joining') await this.enter();
  }

  /** Runs `action`, and looks at the store from the beginning after an error that may pass. */
  private doing(action: () => Promise<void>): void {
    this.becomes('busy');
    this.underWay = action().catch((error: unknown) => this.failed(error));
    void this.underWay.then(() => this.options.host.schedule());
  }

  private failed(error: unknown): void {
    const { host, clock } = this.options;
    if (this.stage === 'ended') return;
    if (!isRecoverable(error)) {
      host.fail(error);
      return;
    }
    this.becomes('busy');
    const delayMs = this.retryDelayMs;
    this.retryDelayMs = Math.min(delayMs * 2, RELOAD_BACKOFF_MAX_MS);
    host.warn('the store cannot be used yet', { code: error.code, error: error.message, delayMs });
    clock.setTimer(delayMs, () => {
      if (this.stage === 'busy') this.doing(() => this.open());
    });
  }

  private takeClaim(from: NodeId, message: Extract<IdentityMessage, { readonly type: 'storeClaim' }>): void {
    const { watch, stage } = this;
    // What a store remembers that has lost something is worth nothing.
    if (watch === null || stage === 'rejoining') return;
    // Before the verdict, which means nothing to one that does not know whose it is.
    if (message.wantsVerdict) this.sayWho(from, false);
    const verdict = watch.takeClaim(from, message);
    this.admission?.judged(from, verdict);
    this.options.host.schedule();
  }

  private takeVerdict(from: NodeId, message: Extract<IdentityMessage, { readonly type: 'storeVerdict' }>): void {
    const own = this.opened?.identity;
    if (this.stage !== 'admitting' || message.storeId !== own?.storeId || message.epoch !== own.epoch) return;
    this.admission?.answered(from, message);
    if (this.standing?.kind === 'founding') {
      const { nodeId } = this.options;
      this.watch?.peers.told(message.founderStores.filter(({ node }) => node !== nodeId));
    }
    this.options.host.schedule();
  }

  private sayWho(peer: NodeId, wantsVerdict = this.stage === 'admitting'): void {
    const { watch } = this;
    if (watch === null) return;
    this.options.host.send(peer, { type: 'storeClaim', claim: watch.claim(), wantsVerdict });
  }

  private release(): void {
    const { watch, options } = this;
    if (watch === null) return;
    watch.releases.release(watch.leaderMembership(), (peer) => options.host.forgetProgress(peer));
  }

  private rejoined(): void {
    if (this.lastReason === null) return;
    this.lastReason = null;
    this.options.host.rejoining(null);
  }

  private becomes(stage: Stage): void {
    if (this.stage === 'ended') return;
    this.stage = stage;
    this.nextAskMs = stage === 'busy' ? Infinity : -Infinity;
  }
}
