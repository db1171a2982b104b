import { logIndex, nodeId, term, type LogIndex } from '@latchkey/raft';
import type { DriverCalls, RequestedInput, SnapshotOffer } from '../driver-calls.js';
import type { LeaderView } from '../leader-view.js';
import type { SnapshotChunk, SnapshotProgress } from '../outgoing-snapshot.js';
import type { PeerMessage } from '../ports/peer-transport.js';
import { SnapshotTransfers } from '../snapshot-transfers.js';
import { WakeUp } from '../wake-up.js';
import { FakeCheckpoints } from './fake-checkpoints.js';
import { VirtualClock } from './virtual-clock.js';

export const LEADER = nodeId('n1');
export const PEER = nodeId('n2');
export const HEARTBEAT_MS = 20;
export const ELECTION_TIMEOUT_MS = 100;
export const TERM = term(3);
const LATENCY_MS = 2;

/** When each copy of a message arrives, in ms; none: it is lost. */
export type LinkFate = (message: PeerMessage) => readonly number[];

/** One end: the transfers of one node and the turns that its driver would take. */
class End {
  readonly store: FakeCheckpoints;
  readonly transfers: SnapshotTransfers;
  readonly given: RequestedInput[] = [];
  readonly offers: SnapshotOffer[] = [];
  readonly warnings: string[] = [];
  readonly observed: string[] = [];
  failure: unknown = null;
  appliedIndex: LogIndex = logIndex(0);
  private readonly wakeUp: WakeUp;
  private isTurnDue = false;

  constructor(
    private readonly clock: VirtualClock,
    nodeNumber: number,
    send: DriverCalls['send'],
    onOffer: (offer: SnapshotOffer) => void,
  ) {
    this.store = new FakeCheckpoints(clock);
    this.wakeUp = new WakeUp(clock, () => this.schedule());
    const calls: DriverCalls = {
      send,
      give: (input) => this.given.push(input),
      offerSnapshot: (offer) => {
        this.offers.push(offer);
        onOffer(offer);
      },
      schedule: () => this.schedule(),
      runningStatus: () => null,
      loseHistory: () => undefined,
      fail: (error) => {
        this.failure = error;
      },
    };
    this.transfers = new SnapshotTransfers(
      {
        raft: raftTimes(nodeNumber),
        clock,
        incarnation: nodeNumber,
        checkpoints: { store: notUsed(this.store) },
        appliedIndex: () => this.appliedIndex,
        observer: {
          warning: (message, details) => this.warnings.push(`${message}: ${String(details['problem'])}`),
          snapshotTransfer: ({ direction, state }) => this.observed.push(`${direction} ${state}`),
        },
      },
      calls,
    );
  }

  schedule(): void {
    if (this.isTurnDue) return;
    this.isTurnDue = true;
    this.clock.defer(() => {
      this.isTurnDue = false;
      this.transfers.expire(this.clock.nowMs());
      this.wakeUp.armFor(this.transfers.nextDeadlineMs());
    });
  }
}

/** A leader and a peer that needs its snapshot, on a link that a test can spoil. */
export class TransferWorld {
  readonly clock = new VirtualClock();
  readonly leader: End;
  readonly peer: End;
  /** Everything that was sent, lost or not. */
  readonly chunks: SnapshotChunk[] = [];
  readonly answers: SnapshotProgress[] = [];
  fateOf: LinkFate = () => [LATENCY_MS];
  /** What arrives at the peer instead of a chunk. */
  altered: (chunk: SnapshotChunk) => SnapshotChunk = (chunk) => chunk;
  isConnected = true;
  /** What the peer's core and disk do with an offer. */
  onOffer: (offer: SnapshotOffer) => void = (offer) => this.install(offer);
  leaderView: LeaderView = { role: 'leader', term: TERM, leaderId: LEADER };
  peerView: LeaderView = { role: 'follower', term: TERM, leaderId: LEADER };

  constructor() {
    this.leader = new End(
      this.clock,
      1,
      (_to, message) => this.carry(message, (copy) => this.toPeer(copy)),
      () => undefined,
    );
    this.peer = new End(
      this.clock,
      2,
      (_to, message) => this.carry(message, (copy) => this.toLeader(copy)),
      (offer) => this.onOffer(offer),
    );
  }

  /** What the core's effect `sendSnapshot` leads to. */
  begin(): void {
    const meta = this.leader.store.checkpoint?.meta;
    if (meta === undefined) throw new Error('there is no checkpoint');
    this.leader.transfers.send(PEER, meta, this.leaderView);
    this.leader.schedule();
  }

  /** The peer's core takes it and its disk writes it. */
  install(offer: SnapshotOffer): void {
    const staging = this.peer.store.stagings.find((candidate) => candidate === offer.staging);
    if (staging !== undefined) staging.isInstalled = true;
    this.peer.appliedIndex = offer.staging.snapshot.index;
    offer.onEnded('installed');
  }

  setConnected(isConnected: boolean): void {
    if (isConnected === this.isConnected) return;
    this.isConnected = isConnected;
    if (isConnected) this.leader.transfers.peerUp(PEER);
    else this.leader.transfers.peerDown(PEER);
    this.leader.schedule();
  }

  deliverToPeer(chunk: SnapshotChunk): void {
    this.toPeer(chunk);
  }

  private carry(message: PeerMessage, deliver: (message: PeerMessage) => void): void {
    if (message.type === 'snapshotChunk') this.chunks.push(message);
    if (message.type === 'snapshotProgress') this.answers.push(message);
    if (!this.isConnected) return;
    for (const delayMs of this.fateOf(message)) {
      this.clock.setTimer(delayMs, () => {
        if (this.isConnected) deliver(message);
      });
    }
  }

  private toPeer(message: PeerMessage): void {
    if (message.type === 'snapshotChunk') {
      this.peer.transfers.takeChunk(LEADER, this.altered(message), this.peerView);
    }
    this.peer.schedule();
  }

  private toLeader(message: PeerMessage): void {
    if (message.type === 'snapshotProgress') this.leader.transfers.takeProgress(PEER, message);
    this.leader.schedule();
  }
}

function raftTimes(nodeNumber: number) {
  return {
    nodeId: nodeId(`n${nodeNumber}`),
    initialMembership: { voters: [LEADER, PEER], votersOutgoing: [], learners: [] },
    heartbeatIntervalMs: HEARTBEAT_MS,
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    peerDownDelayMs: HEARTBEAT_MS,
    maxInFlightAppends: 1,
    maxInFlightBytes: 1,
    maxAppendBytes: 1,
    maxUncommittedBytes: 1,
    trailingEntries: 0,
    diskStallTimeoutMs: ELECTION_TIMEOUT_MS,
    seed: 1,
  };
}

/** Transfers read and stage; they neither save nor install. */
function notUsed(store: FakeCheckpoints) {
  const refuse = (): Promise<void> => Promise.reject(new Error('a transfer does not call this'));
  return {
    openView: () => store.openView(),
    stageSnapshot: store.stageSnapshot.bind(store),
    save: refuse,
    readRows: () => Promise.reject(new Error('a transfer does not call this')),
    compactLog: refuse,
    installSnapshot: refuse,
  };
}
