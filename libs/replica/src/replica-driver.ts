import { assertNever, logIndex, type Input, type NodeId, type RaftStatus, type SnapshotMeta } from '@latchkey/raft';
import { CommitNotices } from './commit-notices.js';
import {
  createDriverParts,
  expireCallers,
  failCallers,
  nextCallerDeadlineMs,
  peerChanged,
  routeToLeader,
  storeCallsUnderWay,
  takeOtherMessage,
  type DriverParts,
} from './driver-parts.js';
import type { SnapshotOffer } from './driver-calls.js';
import { runEffect, type EffectScope } from './effect-runner.js';
import { DurableLoader } from './durable-loader.js';
import { createNodeIdentity, loseHistory } from './driver-identity.js';
import { InputQueue, type QueuedInput } from './input-queue.js';
import { Leadership } from './leadership.js';
import { reachableLeader, type LeaderView } from './leader-view.js';
import { MAX_APPLIED_BYTES_PER_TURN, MAX_APPLIES_PER_TURN, MAX_INPUTS_PER_TURN } from './limits.js';
import type { NodeIdentity } from './node-identity.js';
import { noLeader, shuttingDown } from './pending-proposals.js';
import { hasEnded, mayExchange } from './phases.js';
import type { DurableState } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import type { CoreStart, CreateCore } from './raft-core.js';
import { RaftRun } from './raft-run.js';
import type { ReplicaOptions, ReplicaStatus } from './replica-api.js';
import { RunReports } from './run-reports.js';
import { createStateCheckpoints, type StateCheckpoints } from './state-checkpoints.js';
import { isCorrupt, isRecoverable } from './store-reload.js';
import { WakeUp } from './wake-up.js';

/**
 * Runs one Raft core: takes one input at a time, runs its effects in order, awaits nothing but its ports.
 * Everything happens in turns of the clock's `defer`: what arrives in between is taken together, which is what makes
 * batches (proposals, forwards, persists, reads) without any waiting.
 */
export class ReplicaDriver<Outcome> {
  readonly parts: DriverParts<Outcome>;
  /** Null when the log is kept for ever. */
  readonly checkpoints: StateCheckpoints<Outcome> | null;
  readonly durable: DurableLoader<Outcome>;
  /** Null: nobody looks at who the stores of the nodes are. */
  readonly identity: NodeIdentity | null;
  phase: ReplicaStatus['phase'] = 'starting';
  private readonly leadership: Leadership<Outcome>;
  private readonly commitNotices: CommitNotices<Outcome>;
  private readonly inputs: InputQueue;
  private readonly reports: RunReports;
  /** Those that the transport has a connection with now; only inputs change it. */
  readonly connected = new Set<NodeId>();
  private readonly wakeUp: WakeUp;
  private run: RaftRun | null = null;
  private scope: EffectScope<Outcome> | null = null;
  private runCount = 0;
  private coreStart: CoreStart;
  private lastStatus: RaftStatus | null = null;
  private isTurnScheduled = false;
  private isRemoved = false;

  constructor(
    private readonly options: ReplicaOptions<Outcome>,
    private readonly createCore: CreateCore,
  ) {
    this.parts = createDriverParts(options, {
      send: (to, message) => this.sendUnlessSilent(to, message),
      give: (input) => this.enqueue({ type: 'requested', input }),
      offerSnapshot: (offer) => this.offerSnapshot(offer),
      schedule: () => this.schedule(),
      runningStatus: () => this.run?.core.status() ?? null,
      loseHistory: (reason, why) => void loseHistory(this, options, reason, why),
      fail: (error) => this.fail(error),
    });
    this.leadership = new Leadership(this.parts, options.observer);
    this.checkpoints = createStateCheckpoints(options, this.parts, {
      onSaved: (index) => this.enqueue({ type: 'checkpointed', run: this.run, index }),
      onRestored: (meta) => this.enqueue({ type: 'restored', meta, isReplacement: this.runCount > 0 }),
      onRestoreFailed: (error) => this.guard(() => this.storeFailed(this.run, error)),
      onFailed: (error) => this.fail(error),
    });
    this.durable = new DurableLoader({
      ...options,
      checkpoints: this.checkpoints,
      committedIndex: () => this.parts.applier.committedIndex,
      onLoadedAgain: (durable) => this.guard(() => this.begin(durable)),
      onFailed: (error) => this.fail(error),
    });
    this.coreStart = { initialMembership: options.raft.initialMembership, joinedIndex: logIndex(0) };
    this.identity = createNodeIdentity(options, this, {
      send: (to, message) => this.guard(() => options.transport.send(to, message)),
      step: (input) => this.step(input),
      give: (input) => this.enqueue({ type: 'requested', input }),
      guard: (action) => this.guard(action),
      leave: () => this.leave(),
    });
    this.commitNotices = new CommitNotices(this.parts, options);
    this.inputs = new InputQueue(options);
    this.reports = new RunReports({
      currentRun: () => this.run,
      watermark: this.durable.watermark,
      checkpoints: this.checkpoints,
      observer: options.observer,
      step: (input) => this.step(input),
    });
    this.wakeUp = new WakeUp(options.clock, () => this.schedule());
  }

  /** Takes part from here on, as a follower. @throws InvariantViolation when the durable state is impossible */
  begin(durable: DurableState, coreStart = this.coreStart): void {
    this.coreStart = coreStart;
    this.parts.applier.beginWith(coreStart.initialMembership);
    this.durable.watermark.loaded(durable);
    this.parts.applier.restart(durable.checkpoint ?? durable.base);
    this.runCount += 1;
    this.commitNotices.begin();
    const core = this.createCore(durable, this.options.clock.nowMs(), { runNumber: this.runCount, ...coreStart });
    const run = new RaftRun({
      core,
      logStore: this.options.logStore,
      clock: this.options.clock,
      transport: { send: (to, message) => this.sendUnlessSilent(to, this.identity?.signed(message) ?? message) },
      onDurable: (from, batch) => this.enqueue({ type: 'durable', run: from, batch }),
      onInstalled: (from, effect) => this.enqueue({ type: 'snapshotInstalled', run: from, effect }),
      onPersistFailed: (from, error) => this.guard(() => this.storeFailed(from, error)),
    });
    this.run = run;
    this.scope = {
      parts: this.parts,
      leadership: this.leadership,
      checkpoints: this.checkpoints,
      run,
      observer: this.options.observer,
      nowMs: () => this.options.clock.nowMs(),
      schedule: () => this.schedule(),
      identity: this.identity,
      onRemoved: () => (this.isRemoved = true),
    };
    this.parts.roster.logChanged();
    const { role, currentTerm, leaderId } = core.status();
    this.leadership.begin({ role, term: currentTerm, leaderId });
    this.phase = 'running';
    this.checkpoints?.begin(durable, run);
    for (const peer of this.connected) this.step({ type: 'peerUp', peer });
    this.schedule();
  }

  /** Settles every caller and ends all activity; resolves when the store calls under way have ended. */
  async end(phase: 'stopped' | 'failed' | 'removed', reason: string): Promise<void> {
    if (this.phase !== 'failed') this.phase = phase;
    this.wakeUp.cancel();
    this.inputs.clear();
    const storeIsIdle = Promise.all([
      this.run?.close(),
      this.durable.cancel(),
      this.identity?.close(),
      this.checkpoints?.close(),
      ...storeCallsUnderWay(this.parts),
    ]);
    failCallers(this.parts, shuttingDown(), reason);
    this.parts.appliedWaiters.failAll(shuttingDown());
    await storeIsIdle;
  }

  /** A bug, or a store that must not be used any more: the node goes silent for good. */
  fail(cause: unknown): void {
    if (hasEnded(this.phase)) return;
    if (isCorrupt(cause) && loseHistory(this, this.options, 'corrupt', cause.message)) return;
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
    if (message.type === 'identity') this.guard(() => this.identity?.receive(from, message.message));
    else if (mayExchange(this.phase, message)) this.enqueue({ type: 'peerMessage', from, message });
  }

  onPeerChange(peer: NodeId, isUp: boolean): void {
    this.enqueue({ type: isUp ? 'peerUp' : 'peerDown', peer });
  }

  /** A snapshot that came in whole; see `DriverCalls`. */
  offerSnapshot(offer: SnapshotOffer): void {
    if (this.checkpoints === null) offer.onEnded('lost');
    else this.checkpoints.offer(offer);
    this.schedule();
  }

  coreStatus(): RaftStatus | null {
    return this.run?.core.status() ?? this.lastStatus;
  }

  private enqueue(input: QueuedInput): void {
    if (hasEnded(this.phase)) return;
    this.inputs.push(input);
    this.schedule();
  }

  private turn(): void {
    this.isTurnScheduled = false;
    this.guard(() => {
      if (this.phase === 'starting' || hasEnded(this.phase)) return;
      this.takeInputs();
      this.drive();
      const nowMs = this.options.clock.nowMs();
      this.identity?.advance(nowMs);
      if (this.isRemoved) return this.leave();
      expireCallers(this.parts, nowMs);
      const raftDeadlineMs = this.run?.core.nextDeadlineMs() ?? Infinity;
      this.wakeUp.armFor(
        Math.min(raftDeadlineMs, nextCallerDeadlineMs(this.parts), this.identity?.nextDeadlineMs() ?? Infinity),
      );
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
        return this.takeMessage(input.from, input.message);
      case 'peerUp':
      case 'peerDown':
        return this.takePeerChange(input.type, input.peer);
      case 'requested':
        return this.step(input.input);
      case 'durable':
        return this.reports.durable(input.run, input.batch);
      case 'snapshotInstalled':
        return this.reports.installed(input.run, input.effect);
      case 'checkpointed':
        return this.reports.checkpointed(input.run, input.index);
      case 'restored':
        return this.takeRestored(input.meta, input.isReplacement);
      default:
        return assertNever(input);
    }
  }

  private takeMessage(from: NodeId, message: PeerMessage): void {
    if (message.type !== 'raft')
      return takeOtherMessage(this.parts, this.run === null ? null : this.view, from, message);
    if (this.identity?.heard(from, message) === false) return;
    // Looked at before each answer to the leader, which carries it.
    const wanted = message.message.type === 'appendRequest' ? this.commitNotices.takeChange() : null;
    if (wanted !== null) this.step({ type: 'commitNoticesWanted', wanted });
    this.step({ type: 'message', from, message: message.message });
  }

  private takePeerChange(type: 'peerUp' | 'peerDown', peer: NodeId): void {
    if (type === 'peerUp') this.connected.add(peer);
    else this.connected.delete(peer);
    peerChanged(this.parts, peer, type === 'peerUp');
    this.options.observer.peerChanged?.({ peer, connected: type === 'peerUp' });
    this.step({ type, peer });
    if (type === 'peerUp') this.identity?.peerUp(peer);
  }

  private takeRestored(meta: SnapshotMeta, isReplacement: boolean): void {
    this.tellApplied();
    if (isReplacement) this.options.observer.snapshotInstalled?.(meta);
    this.reportApplied();
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
    this.checkpoints?.tellCore(({ from, term, staging }) =>
      this.step({ type: 'snapshotReceived', from, term, snapshot: staging.snapshot }),
    );
    const leader = this.view === null ? null : reachableLeader(this.view, this.connected);
    const proposals = routeToLeader(this.parts, leader, this.options.clock);
    if (proposals.length > 0) this.step({ type: 'propose', proposals });
    // The core has answered by now which of the forwarded ones it does not take.
    this.parts.forwarded.sendRefusals();
    if (this.parts.roster.mustLook) this.parts.roster.look(run.core.status().membership, nowMs);
    run.startNextPersist();
    this.applySlice();
    this.checkpoints?.takeRequested();
    this.checkpoints?.restoreNext();
    run.startNextPersist();
  }

  private applySlice(): void {
    const { applier } = this.parts;
    if (this.phase !== 'running' || !applier.hasBacklog) return;
    applier.applySlice({ maxEntries: MAX_APPLIES_PER_TURN, maxBytes: MAX_APPLIED_BYTES_PER_TURN });
    this.tellApplied();
    this.reportApplied();
    this.checkpoints?.applied();
    // What was applied may have shown that proposals are lost, and must be sent again, or that somebody waits for one now.
    if (applier.hasBacklog || this.parts.own.mustLeave) this.schedule();
  }

  private tellApplied(): void {
    const { applier, appliedWaiters } = this.parts;
    appliedWaiters.applied(applier.appliedIndex);
    this.step({ type: 'applied', index: applier.takenIndex });
    this.leadership.applied();
  }

  private reportApplied(): void {
    this.options.observer.applied?.(this.parts.applier.appliedIndex);
  }

  private step(input: Input): void {
    const { run, scope } = this;
    if (run === null || scope === null) return;
    for (const effect of run.core.step(input, this.options.clock.nowMs())) runEffect(scope, effect);
  }

  /** Nothing may be said before the store has told what is durable (FAILURE-MODES 26, 27). */
  private storeFailed(run: RaftRun | null, error: unknown): void {
    if (run === null || run !== this.run) return;
    if (!isRecoverable(error)) throw error;
    this.options.observer.warning?.('the store failed; loading it again', { code: error.code, error: error.message });
    this.durable.loadAgain(this.endRun('recovering', 'the store failed'), error);
  }

  /** Nothing is said any more. Resolves when the calls to the store have ended that belong to its present claim. */
  endRun(phase: 'recovering' | 'rejoining', reason: string): Promise<unknown> {
    const { run } = this;
    this.phase = phase;
    if (run === null) return this.durable.cancel();
    this.lastStatus = { ...run.core.status(), role: 'follower', leaderId: null, progress: [] };
    this.run = null;
    failCallers(this.parts, noLeader(), reason);
    this.leadership.changed({ role: 'follower', term: this.lastStatus.currentTerm, leaderId: null });
    return Promise.all([
      run.close(),
      this.checkpoints?.endRun(),
      this.identity?.idle(),
      ...storeCallsUnderWay(this.parts),
    ]);
  }

  private sendUnlessSilent(to: NodeId, message: PeerMessage): void {
    if (mayExchange(this.phase, message)) this.guard(() => this.options.transport.send(to, message));
  }

  /** Any error that nobody expected stops the node: half of one is worse than none (FAILURE-MODES 53). */
  private guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(error);
    }
  }

  /** The cluster goes on without this node: silent for good, and nothing of it may look alive (FAILURE-MODES 15, 53). */
  private leave(): void {
    void this.end('removed', 'this node was removed from the cluster').catch((error: unknown) => this.fail(error));
    this.options.transport.close().catch((error: unknown) => this.fail(error));
    this.options.observer.removed?.();
  }

  /** A core has been built: what the store holds is known by what it has confirmed. */
  get hasBegun(): boolean {
    return this.runCount > 0;
  }

  /** Null before the start. */
  get view(): LeaderView | null {
    return this.leadership.view;
  }
}
