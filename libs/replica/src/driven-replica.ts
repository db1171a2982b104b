import {
  invariant,
  logIndex,
  term,
  type LogIndex,
  type Membership,
  type MembershipChange,
  type NodeId,
  type RaftStatus,
} from '@latchkey/raft';
import type { AppliedWaiter } from './applied-waiters.js';
import { confirmLeadership, loseHistory } from './driver-identity.js';
import { MAX_APPLIED_WAITERS, STOP_STORE_WAIT_MS } from './limits.js';
import { noLeader, outcomeUnknown, overloaded, shuttingDown } from './pending-proposals.js';
import type { ProposeOptions, Replica, ReplicaOptions, ReplicaStatus } from './replica-api.js';
import type { CreateCore } from './raft-core.js';
import { ReplicaDriver } from './replica-driver.js';
import type { ReplicaError } from './replica-error.js';
import { notLeader } from './transfer-requests.js';

/** The calls of the application, and the life of the node around its driver. */
export class DrivenReplica<Outcome> implements Replica<Outcome> {
  readonly driver: ReplicaDriver<Outcome>;
  private starting: Promise<void> | null = null;
  private stopping: Promise<void> | null = null;
  private isTransportStarted = false;

  constructor(
    private readonly options: ReplicaOptions<Outcome>,
    createCore: CreateCore,
  ) {
    this.driver = new ReplicaDriver(options, createCore);
  }

  start(): Promise<void> {
    this.starting ??= this.startOnce();
    return this.starting;
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopOnce();
    return this.stopping;
  }

  propose(command: Uint8Array, options: ProposeOptions = {}): Promise<Outcome> {
    const refusal = this.refusalWhenNotRunning();
    if (refusal !== null) return Promise.reject(refusal);
    this.driver.schedule();
    return this.driver.parts.own.propose(command, this.options.clock.nowMs(), options);
  }

  readBarrier(): Promise<LogIndex> {
    const refusal = this.refusalWhenNotRunning();
    if (refusal !== null) return Promise.reject(refusal);
    this.driver.schedule();
    const deadlineMs = this.options.clock.nowMs() + this.options.readTimeoutMs;
    return new Promise((resolve, reject) => {
      const resolveOnceApplied = (readIndex: LogIndex): void =>
        this.whenApplied({
          index: readIndex,
          deadlineMs,
          resolve,
          reject,
          onTimeout: noLeader,
        });
      this.driver.parts.reads.join({
        deadlineMs,
        leaderTerm: null,
        resolve: resolveOnceApplied,
        reject,
      });
    });
  }

  confirmLeadership(): Promise<void> {
    const refusal = this.refusalWhenNotRunning();
    if (refusal !== null) return Promise.reject(refusal);
    return confirmLeadership(this.driver, this.options.clock.nowMs() + this.options.readTimeoutMs);
  }

  askLeader(body: Uint8Array): Promise<Uint8Array> {
    const refusal = this.refusalWhenNotRunning();
    if (refusal !== null) return Promise.reject(refusal);
    this.driver.schedule();
    return this.driver.parts.leaderRequests.ask(body, this.options.clock.nowMs());
  }

  waitForApplied(index: LogIndex, timeoutMs: number): Promise<void> {
    const { phase } = this.driver;
    if (index <= this.driver.parts.applier.appliedIndex) return Promise.resolve();
    if (phase === 'stopped' || phase === 'failed') return Promise.reject(shuttingDown());
    this.driver.schedule();
    const deadlineMs = this.options.clock.nowMs() + timeoutMs;
    const onTimeout = (): ReplicaError => outcomeUnknown(`entry ${index} was not applied here within ${timeoutMs} ms`);
    return new Promise((resolve, reject) => {
      this.whenApplied({
        index,
        deadlineMs,
        resolve: () => resolve(),
        reject,
        onTimeout,
      });
    });
  }

  checkpoint(): Promise<LogIndex> {
    const refusal = this.refusalWhenNotRunning();
    if (refusal !== null) return Promise.reject(refusal);
    const { checkpoints } = this.driver;
    invariant(checkpoints !== null, 'a node without checkpoints was asked for one');
    this.driver.schedule();
    return checkpoints.request();
  }

  transferLeadership(to: NodeId | null): Promise<NodeId> {
    const refusal = this.refusalWhenNotLeading();
    if (refusal !== null) return Promise.reject(refusal);
    return this.driver.parts.transfers.request(to, this.driver.view);
  }

  changeMembership(change: MembershipChange): Promise<Membership> {
    const refusal = this.refusalWhenNotLeading();
    if (refusal !== null) return Promise.reject(refusal);
    return this.driver.parts.membership.request(change, this.driver.view, this.options.clock.nowMs());
  }

  storeFoundCorrupt(error: Error): void {
    const { driver } = this;
    if (loseHistory(driver, this.options, 'corrupt', error.message)) return;
    if (driver.identity === null) driver.fail(error);
    else this.options.observer.warning?.('damage in the store', { code: 'STORE_CORRUPT', error: error.message });
  }

  status(): ReplicaStatus {
    return {
      ...(this.driver.coreStatus() ?? this.statusBeforeStart()),
      appliedIndex: this.driver.parts.applier.appliedIndex,
      checkpointIndex: this.driver.checkpoints?.savedIndex ?? logIndex(0),
      connectedPeers: [...this.driver.connected],
      phase: this.driver.phase,
      rejoining: this.driver.identity?.reason ?? null,
      storeTrouble: this.driver.durable.trouble,
    };
  }

  private async startOnce(): Promise<void> {
    const { driver, options } = this;
    invariant(driver.phase === 'starting', `a replica that is ${driver.phase} cannot start`);
    if (driver.identity === null) {
      const durable = await driver.durable.load();
      if (this.stopping !== null) throw shuttingDown();
      driver.begin(durable);
    } else {
      await driver.identity.open();
      if (this.stopping !== null) throw shuttingDown();
    }
    this.isTransportStarted = true;
    await options.transport.start({
      onMessage: (from, message) => driver.onMessage(from, message),
      onPeerUp: (peer) => driver.onPeerChange(peer, true),
      onPeerDown: (peer) => driver.onPeerChange(peer, false),
    });
    driver.parts.roster.open();
    driver.schedule();
  }

  private async stopOnce(): Promise<void> {
    const { driver, options } = this;
    const started = this.starting?.catch(() => undefined);
    const ended = Promise.all([driver.end('stopped', 'this node is stopping'), started]);
    try {
      if (this.isTransportStarted) await options.transport.close();
    } finally {
      await this.atMost(STOP_STORE_WAIT_MS, ended);
      await options.logStore.close();
    }
  }

  /** A store that hangs must not keep the process from ending. */
  private async atMost(waitMs: number, ended: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.options.clock.setTimer(waitMs, resolve);
      void ended.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  private whenApplied(waiter: AppliedWaiter): void {
    const { appliedWaiters } = this.driver.parts;
    if (waiter.index <= this.driver.parts.applier.appliedIndex) waiter.resolve(this.driver.parts.applier.appliedIndex);
    else if (appliedWaiters.size >= MAX_APPLIED_WAITERS) waiter.reject(overloaded());
    else appliedWaiters.add(waiter);
  }

  private refusalWhenNotRunning(): ReplicaError | null {
    switch (this.driver.phase) {
      case 'running':
        return null;
      case 'starting':
      case 'admitting':
      case 'rejoining':
      case 'recovering':
        return noLeader();
      case 'removed':
      case 'stopped':
      case 'failed':
        return shuttingDown();
    }
  }

  private refusalWhenNotLeading(): ReplicaError | null {
    const refusal = this.refusalWhenNotRunning();
    return refusal?.code === 'NO_LEADER' ? notLeader() : refusal;
  }

  private statusBeforeStart(): RaftStatus {
    const { nodeId, initialMembership } = this.options.raft;
    const none = logIndex(0);
    return {
      nodeId,
      role: 'follower',
      currentTerm: term(0),
      votedFor: null,
      leaderId: null,
      commitIndex: none,
      lastApplied: none,
      firstLogIndex: logIndex(1),
      lastLogIndex: none,
      snapshotIndex: none,
      transferTarget: null,
      membership: initialMembership,
      isDiskStalled: false,
      progress: [],
    };
  }
}
