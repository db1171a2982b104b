import { assertNever, type NodeId, type RaftMessage } from '@latchkey/raft';
import type { Clock, PeerAddress, PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import { LATE_REPLIES, LATE_REPLY_MIN_MS, LATE_REPLY_SPREAD_MS, LOSS, REQUEST_DELAY_MAX_MS } from './lab-constants.js';

/** How all wires of a cluster behave, and what went over them. */
export type LabWeather = {
  isUnreliable: boolean;
  isLongReordering: boolean;
  readonly random: () => number;
  /** Requests that arrived, which is what the lab counts as RPCs: an answer is part of its request. */
  requestCount: number;
};

/** A server's transport in the lab's weather, and with a plug that can be pulled. */
export class LabTransport implements PeerTransport {
  private isOff = false;

  constructor(
    private readonly inner: PeerTransport,
    private readonly clock: Clock,
    private readonly weather: LabWeather,
  ) {}

  start(handlers: PeerTransportHandlers): Promise<void> {
    return this.inner.start({
      onMessage: (from, message) => {
        if (this.isOff) return;
        if (isRequest(message)) this.weather.requestCount += 1;
        handlers.onMessage(from, message);
      },
      onPeerUp: (peer) => {
        if (!this.isOff) handlers.onPeerUp(peer);
      },
      onPeerDown: (peer) => {
        if (!this.isOff) handlers.onPeerDown(peer);
      },
    });
  }

  send(to: NodeId, message: PeerMessage): void {
    if (this.isOff) return;
    const delayMs = this.delayOf(message);
    if (delayMs === null) return;
    if (delayMs === 0) this.inner.send(to, message);
    else this.clock.setTimer(delayMs, () => this.sendLate(to, message));
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.inner.setPeers(peers);
  }

  close(): Promise<void> {
    this.isOff = true;
    return this.inner.close();
  }

  private sendLate(to: NodeId, message: PeerMessage): void {
    if (!this.isOff) this.inner.send(to, message);
  }

  /** Null: lost. */
  private delayOf(message: PeerMessage): number | null {
    const { isUnreliable, isLongReordering, random } = this.weather;
    const isReply = !isRequest(message);
    if (isUnreliable && random() < LOSS) return null;
    if (isReply && isLongReordering && random() < LATE_REPLIES) {
      return LATE_REPLY_MIN_MS + Math.floor(random() * (1 + Math.floor(random() * LATE_REPLY_SPREAD_MS)));
    }
    return isUnreliable && !isReply ? Math.floor(random() * (REQUEST_DELAY_MAX_MS + 1)) : 0;
  }
}

function isRequest(message: PeerMessage): boolean {
  switch (message.type) {
    case 'raft':
      return isRaftRequest(message.message);
    case 'forwardProposals':
    case 'leaderRequest':
    case 'membersWanted':
    case 'snapshotChunk':
      return true;
    case 'proposalsRefused':
    case 'leaderResponse':
    case 'leaderRequestRefused':
    case 'members':
    case 'identity':
    case 'stateHashWanted':
    case 'stateHash':
    case 'snapshotProgress':
      return false;
    default:
      return assertNever(message);
  }
}

/** What is sent without an answer counts as well. */
function isRaftRequest(message: RaftMessage): boolean {
  switch (message.type) {
    case 'preVoteRequest':
    case 'voteRequest':
    case 'appendRequest':
    case 'commitNotice':
    case 'timeoutNow':
    case 'removedNotice':
    case 'readIndexRequest':
      return true;
    case 'preVoteResponse':
    case 'voteResponse':
    case 'appendAccepted':
    case 'appendRejected':
    case 'readIndexResponse':
    case 'readIndexRefused':
      return false;
    default:
      return assertNever(message);
  }
}
