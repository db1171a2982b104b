import type { Input, NodeId } from '@latchkey/raft';
import type { RequestedInput } from './driver-calls.js';
import { HistoryLostError } from './history-lost-error.js';
import { MARK_LOST_WAIT_MS } from './limits.js';
import { NodeIdentity } from './node-identity.js';
import { noLeader } from './pending-proposals.js';
import type { Timer } from './ports/clock.js';
import type { LossReason } from './ports/identity-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import type { ReplicaOptions } from './replica-api.js';
import type { ReplicaDriver } from './replica-driver.js';

/** What is the driver's own affair, and lent to the identity of its node. */
export type IdentityCalls = {
  /** Also while the node is silent in Raft. */
  readonly send: (to: NodeId, message: PeerMessage) => void;
  readonly step: (input: Input) => void;
  readonly give: (input: RequestedInput) => void;
  readonly guard: (action: () => void) => void;
  /** The cluster goes on without this node. */
  readonly leave: () => void;
};

/** Null when nobody looks at who the stores of the nodes are. */
export function createNodeIdentity<Outcome>(
  options: ReplicaOptions<Outcome>,
  driver: ReplicaDriver<Outcome>,
  calls: IdentityCalls,
): NodeIdentity | null {
  const { identity, raft, clock, observer, logStore, incarnation } = options;
  if (identity === undefined || identity === null) return null;
  const { nodeId, initialMembership: configured, heartbeatIntervalMs, electionTimeoutMs } = raft;
  return new NodeIdentity({
    ...identity,
    nodeId,
    incarnation,
    configured,
    heartbeatIntervalMs,
    electionTimeoutMs,
    logStore,
    clock,
    host: {
      send: (to, message) => calls.send(to, { type: 'identity', message }),
      connectedPeers: () => [...driver.connected],
      position: () => (driver.hasBegun ? driver.durable.watermark.position(driver.parts.applier.committedIndex) : null),
      get view() {
        return driver.phase === 'running' ? driver.view : null;
      },
      latestMembership: () => (driver.phase === 'running' ? (driver.coreStatus()?.membership ?? null) : null),
      give: calls.give,
      changeMembership: (change) => driver.parts.membership.request(change, driver.view, clock.nowMs()),
      confirmLeadership: () => confirmLeadership(driver, clock.nowMs() + options.readTimeoutMs),
      nowMs: () => clock.nowMs(),
      schedule: () => driver.schedule(),
      warn: (message, details) => observer.warning?.(message, details),
      restore: (durable) => driver.durable.restore(durable),
      begin: (durable, start) => calls.guard(() => driver.begin(durable, start)),
      forgetProgress: (peer) => calls.step({ type: 'peerStoreReplaced', peer }),
      phaseChanged: (phase, membership) => {
        driver.phase = phase;
        if (membership !== null) driver.parts.roster.look(membership, clock.nowMs());
        // It hears none, and the others may have changed.
        driver.parts.roster.leaderChanged(null);
      },
      rejoining: (reason) => observer.rejoining?.(reason),
      removed: calls.leave,
      fail: (error) => driver.fail(error),
    },
  });
}

/**
 * What this node holds is wrong: it is silent from now on, writes down that its history is lost, and fails with
 * `HistoryLostError`. Its process must end, and the next one begins anew: what this one has applied, and told its clients,
 * cannot be taken back in one that goes on. False when it takes no part anyway, nobody looks at who the stores are, or
 * nobody else could take its vote: then its memory may be all that there is.
 */
export function loseHistory<Outcome>(
  driver: ReplicaDriver<Outcome>,
  { observer, clock }: Pick<ReplicaOptions<Outcome>, 'observer' | 'clock'>,
  reason: LossReason,
  why: string,
): boolean {
  const { identity } = driver;
  const status = driver.coreStatus();
  const voters = status === null ? [] : [...status.membership.voters, ...status.membership.votersOutgoing];
  const isAlone = voters.length > 0 && voters.every((voter) => voter === status?.nodeId);
  if (identity?.mayLose !== true || isAlone) return false;
  observer.warning?.('what this node holds is wrong', { code: 'HISTORY_LOST', reason, error: why });
  void driver.endRun('rejoining', why);
  let timer: Timer | null = null;
  const end = (): void => {
    timer?.cancel();
    driver.fail(new HistoryLostError(reason, why));
  };
  // A database that hangs keeps nobody from being silent: what is not written down is found again.
  timer = clock.setTimer(MARK_LOST_WAIT_MS, end);
  identity.markLost(reason).then(end, (error: unknown) => {
    observer.warning?.('that the history is lost could not be written down', {
      code: 'HISTORY_LOST',
      error: String(error),
    });
    end();
  });
  return true;
}

/** Resolves when a majority has confirmed, after the call, that this node leads. @throws ReplicaError NO_LEADER */
export function confirmLeadership<Outcome>(driver: ReplicaDriver<Outcome>, deadlineMs: number): Promise<void> {
  const { view } = driver;
  if (view?.role !== 'leader') return Promise.reject(noLeader());
  driver.schedule();
  return new Promise((resolve, reject) => {
    driver.parts.reads.join({ deadlineMs, leaderTerm: view.term, resolve: () => resolve(), reject });
  });
}
