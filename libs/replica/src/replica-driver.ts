import { assertNever, type Effect, type Input, type LogIndex, type NodeId, type RaftStatus } from '@latchkey/raft';
import {
  createDriverParts,
  expireCallers,
  failCallers,
  nextCallerDeadlineMs,
  routeToLeader,
  takeApplicationMessage,
  type DriverParts,
} from './driver-parts.js';
import { Fifo } from './fifo.js';
import { reachableLeader, type LeaderView } from './leader-view.js';
import { MAX_APPLIES_PER_TURN, MAX_INPUTS_PER_TURN } from './limits.js';
import { noLeader, shuttingDown } from './pending-proposals.js';
import type { DurableBatch } from './persist-pipeline.js';
import type { DurableState } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import type { RaftCore } from './raft-core.js';
import { RaftRun } from './raft-run.js';
import type { ReplicaOptions, ReplicaStatus } from './replica-api.js';
import { DurableWatermark, isRecoverable, StoreReload } from './store-reload.js';
import { WakeUp } from './wake-up.js';

/** Builds the core from what is durable. `runNumber` grows with each, so that it can draw other timeouts. */
export type CreateCore = (durable: DurableState, nowMs: number, runNumber: number) => RaftCore;

type QueuedInput =
  | {
      readonly type: 'peerMessage';
      readonly from: NodeId;
      readonly message: PeerMessage;
    }
  | { readonly type: 'peerUp' | 'peerDown'; readonly peer: NodeId }
  | {
      readonly type: 'durable';
      readonly run: RaftRun;
      readonly batch: DurableBatch;
    };

/** Dropped messages are reported at most this often. */
const DROP_WARNING_INTERVAL_MS = 1_000;

/**
 * Runs one Raft core: takes one input at a time, runs its effects in order, awaits nothing but its ports.
 * Everything happens in turns of the clock's `defer`: what arrives in between is taken together, which is what makes
 * batches (proposals, forwards, persists, reads) without any waiting.
 */
export class ReplicaDriver<Outcome> {
  readonly parts: DriverParts<Outcome>;
  phase: ReplicaStatus['phase'] = 'starting';
  view: LeaderView | null = null;
  private readonly inputs = new Fifo<QueuedInput>();
  private readonly connected = new Set<NodeId>();
  private readonly watermark = new DurableWatermark();
  private readonly wakeUp: WakeUp;
  private run: RaftRun | null = null;
  private runCount = 0;
  private reload: StoreReload | null = null;
  private lastStatus: RaftStatus | null = null;
  private isTurnScheduled = false;
  private isLeadershipAnnounced = false;
  private lastDropWarningMs = -Infinity;
  /** What the core was told last; it begins with true. */
  private areCommitsAwaited = true;

  constructor(
    private readonly options: ReplicaOptions<Outcome>,
    private readonly createCore: CreateCore,
  ) {
    this.parts = createDriverParts(options, {
      send: (to, message) => this.sendUnlessSilent(to, message),
    });
    this.wakeUp = new WakeUp(options.clock, () => this.schedule());
  }

  /** Takes part from here on, as a follower. @throws InvariantViolation when the durable state is impossible */
  begin(durable: DurableState): void {
    this.watermark.loaded(durable);
    this.runCount += 1;
    this.areCommitsAwaited = true;
    const core = this.createCore(durable, this.options.clock.nowMs(), this.runCount);
    this.run = new RaftRun({
      core,
      logStore: this.options.logStore,
      clock: this.options.clock,
      transport: { send: (to, message) => this.sendUnlessSilent(to, message) },
      onDurable: (run, batch) => this.enqueue({ type: 'durable', run, batch }),
      onPersistFailed: (run, error) => this.guard(() => this.persistFailed(run, error)),
    });
    const { role, currentTerm, leaderId } = core.status();
    this.view = { role, term: currentTerm, leaderId };
    this.phase = 'running';
    for (const peer of this.connected) this.step({ type: 'peerUp', peer });
    this.schedule();
  }

  /** Settles every caller and ends all activity; resolves when the store call under way has ended. */
  async end(phase: 'stopped' | 'failed', reason: string): Promise<void> {
    if (this.phase !== 'failed') this.phase = phase;
    this.wakeUp.cancel();
    this.inputs.clear();
    const storeIsIdle = Promise.all([this.run?.close(), this.reload?.cancel()]);
    failCallers(this.parts, shuttingDown(), reason);
    this.parts.appliedWaiters.failAll(shuttingDown());
    await storeIsIdle;
  }

  /** A bug, or a store that must not be used any more: the node goes silent for good. */
  fail(cause: unknown): void {
    if (this.phase === 'failed' || this.phase === 'stopped') return;
    const error = cause instanceof Error ? cause : new Error('a replica failed', { cause });
    void this.end('failed', `this node failed: ${error.message}`);
    this.options.observer.failed?.(error);
  }

  schedule(): void {
    if (this.isTurnScheduled) return;
    this.isTurnScheduled = true;
    this.options.clock.defer(() => this.turn());
  }

  onMessage(from: NodeId, message: PeerMessage): void {
    if (this.phase !== 'running') return;
    if (this.inputs.size >= this.options.maxQueuedInputs) this.warnDropped();
    else this.enqueue({ type: 'peerMessage', from, message });
  }

  onPeerChange(peer: NodeId, isUp: boolean): void {
    this.enqueue({ type: isUp ? 'peerUp' : 'peerDown', peer });
  }

  coreStatus(): RaftStatus | null {
    return this.run?.core.status() ?? this.lastStatus;
  }

  connectedPeers(): readonly NodeId[] {
    return [...this.connected];
  }

  private enqueue(input: QueuedInput): void {
    if (this.phase === 'failed' || this.phase === 'stopped') return;
    this.inputs.push(input);
    this.schedule();
  }

  private turn(): void {
    this.isTurnScheduled = false;
    this.guard(() => {
      if (this.phase !== 'running' && this.phase !== 'recovering') return;
      this.takeInputs();
      this.drive();
      expireCallers(this.parts, this.options.clock.nowMs());
      const raftDeadlineMs = this.run?.core.nextDeadlineMs() ?? Infinity;
      this.wakeUp.armFor(Math.min(raftDeadlineMs, nextCallerDeadlineMs(this.parts)));
    });
  }

  private takeInputs(): void {
    for (let count = 0; count < MAX_INPUTS_PER_TURN; count += 1) {
      const input = this.inputs.shift();
      if (input === undefined) return;
      this.takeInput(input);
    }
    if (this.inputs.size > 0) this.schedule();
  }

  private takeInput(input: QueuedInput): void {
    switch (input.type) {
      case 'peerMessage':
        if (this.run !== null) this.takeMessage(input.from, input.message);
        return;
      case 'peerUp':
      case 'peerDown':
        return this.takePeerChange(input.type, input.peer);
      case 'durable':
        return this.takeDurable(input.run, input.batch);
      default:
        return assertNever(input);
    }
  }

  private takeMessage(from: NodeId, message: PeerMessage): void {
    if (message.type === 'raft') {
      if (message.message.type === 'appendRequest') this.sayWhetherCommitsAreAwaited();
      this.step({ type: 'message', from, message: message.message });
    } else if (this.view !== null) takeApplicationMessage(this.parts, this.view, from, message);
  }

  /** Looked at before each answer to the leader, which carries it. */
  private sayWhetherCommitsAreAwaited(): void {
    const { own, appliedWaiters } = this.parts;
    const wanted = own.size > 0 || appliedWaiters.size > 0 || (this.options.awaitsCommits?.() ?? true);
    if (wanted === this.areCommitsAwaited) return;
    this.areCommitsAwaited = wanted;
    this.step({ type: 'commitNoticesWanted', wanted });
  }

  private takePeerChange(type: 'peerUp' | 'peerDown', peer: NodeId): void {
    if (type === 'peerUp') this.connected.add(peer);
    else {
      this.connected.delete(peer);
      this.parts.own.peerDown(peer);
      this.parts.leaderRequests.peerDown(peer);
    }
    this.options.observer.peerChanged?.({ peer, connected: type === 'peerUp' });
    this.step({ type, peer });
  }

  private takeDurable(run: RaftRun, batch: DurableBatch): void {
    if (run !== this.run) return;
    this.watermark.persisted(batch);
    const { byteCount, durationMs, entries, lastPersistId } = batch;
    this.options.observer.persisted?.({
      entryCount: entries.length,
      byteCount,
      durationMs,
    });
    run.release(batch);
    this.step({ type: 'persisted', persistId: lastPersistId });
  }

  /** What a turn does after its inputs: time, reads, proposals, then the disk, then the state machine. */
  private drive(): void {
    const run = this.run;
    if (run === null) return;
    const nowMs = this.options.clock.nowMs();
    // After the messages: those that waited while the process was busy may prove that the leader lives.
    if (run.core.nextDeadlineMs() <= nowMs) this.step({ type: 'tick' });
    const readId = this.parts.reads.begin(nowMs);
    if (readId !== null) this.step({ type: 'read', readId });
    const leader = this.view === null ? null : reachableLeader(this.view, this.connected);
    const proposals = routeToLeader(this.parts, leader, this.options.clock);
    if (proposals.length > 0) this.step({ type: 'propose', proposals });
    // The core has answered by now which of the forwarded ones it does not take.
    this.parts.forwarded.sendRefusals();
    run.startNextPersist();
    this.applySlice();
    run.startNextPersist();
  }

  private applySlice(): void {
    const { applier, appliedWaiters } = this.parts;
    if (this.phase !== 'running' || !applier.hasBacklog) return;
    applier.applySlice(MAX_APPLIES_PER_TURN);
    appliedWaiters.applied(applier.appliedIndex);
    this.step({ type: 'applied', index: applier.takenIndex });
    this.announceLeadership();
    this.options.observer.applied?.(applier.appliedIndex);
    if (applier.hasBacklog) this.schedule();
  }

  private step(input: Input): void {
    const run = this.run;
    if (run === null) return;
    for (const effect of run.core.step(input, this.options.clock.nowMs())) this.runEffect(run, effect);
  }

  private runEffect(run: RaftRun, effect: Effect): void {
    const { applier, intake, reads } = this.parts;
    switch (effect.type) {
      case 'persist':
        return run.persist(effect);
      case 'send':
        return run.send(effect);
      case 'apply':
        return applier.enqueue(effect.entries);
      case 'completeRead':
        if (this.view !== null) reads.complete(effect.readId, effect.readIndex, this.view);
        return this.schedule();
      case 'failRead':
        return reads.fail(effect.readId, this.options.clock.nowMs());
      case 'proposalAppended':
        return intake.appended(effect.proposalId, effect.index);
      case 'proposalRefused':
        return intake.refused(effect.proposalId, effect.reason);
      case 'roleChanged':
        return this.leaderChanged({
          role: effect.role,
          term: effect.term,
          leaderId: effect.leaderId,
        });
      default:
        return assertNever(effect);
    }
  }

  private leaderChanged(view: LeaderView): void {
    this.view = view;
    this.isLeadershipAnnounced = false;
    const { applier, own, forwarded, reads, leaderRequests } = this.parts;
    // They were meant for the leadership that has just ended.
    forwarded.refuseGathered();
    own.leaderChanged(view, applier.committedIndex);
    reads.leaderChanged(view);
    leaderRequests.leaderChanged(view);
    this.options.observer.roleChanged?.(view);
    this.schedule();
  }

  /** Only a leader's own entries have its term, and the first of them is its no-op. */
  private announceLeadership(): void {
    const view = this.view;
    if (view === null || this.isLeadershipAnnounced) return;
    if (view.role !== 'leader' || this.parts.applier.appliedTerm !== view.term) return;
    this.isLeadershipAnnounced = true;
    this.options.observer.leadershipReady?.(view.term);
  }

  /** Nothing may be said before the store has told what is durable (FAILURE-MODES 26, 27). */
  private persistFailed(run: RaftRun, error: unknown): void {
    if (run !== this.run) return;
    if (!isRecoverable(error)) throw error;
    this.phase = 'recovering';
    this.lastStatus = {
      ...run.core.status(),
      role: 'follower',
      leaderId: null,
      progress: [],
    };
    this.run = null;
    void run.close();
    this.options.observer.warning?.('the store failed; loading it again', {
      code: error.code,
      error: error.message,
    });
    failCallers(this.parts, noLeader(), 'the store failed');
    this.leaderChanged({
      role: 'follower',
      term: this.lastStatus.currentTerm,
      leaderId: null,
    });
    this.reload = new StoreReload({
      logStore: this.options.logStore,
      clock: this.options.clock,
      onLoaded: (durable) => this.guard(() => this.reloaded(durable)),
      onFailed: (failure) => this.fail(failure),
      onRetry: (retryError, delayMs) =>
        this.options.observer.warning?.('the store cannot be loaded yet', {
          code: retryError.code,
          delayMs,
        }),
    });
    this.reload.begin();
  }

  private reloaded(durable: DurableState): void {
    this.reload = null;
    this.watermark.assertKept(durable, this.parts.applier.committedIndex);
    this.parts.applier.restart();
    this.begin(durable);
  }

  private sendUnlessSilent(to: NodeId, message: PeerMessage): void {
    if (this.phase === 'running') this.guard(() => this.options.transport.send(to, message));
  }

  /** Any error that nobody expected stops the node: half of one is worse than none (FAILURE-MODES 53). */
  private guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(error);
    }
  }

  private warnDropped(): void {
    const nowMs = this.options.clock.nowMs();
    if (nowMs - this.lastDropWarningMs < DROP_WARNING_INTERVAL_MS) return;
    this.lastDropWarningMs = nowMs;
    this.options.observer.warning?.('messages of peers are dropped: too much waits', { queued: this.inputs.size });
  }

  /** Applied here; see `Replica.waitForApplied`. */
  get appliedIndex(): LogIndex {
    return this.parts.applier.appliedIndex;
  }
}
