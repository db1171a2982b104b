/** Where the transport tells of trouble that it handles itself. */
export interface PeerTransportObserver {
  /** One line for a log; the same warning comes at most every `warningIntervalMs`, then with `suppressedCount`. */
  warning?(message: string, details: Readonly<Record<string, unknown>>): void;
}

/** What passed between this node and one peer since the transport was made. */
export type PeerCounters = {
  readonly sentMessages: number;
  readonly sentFrames: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedFrames: number;
  readonly receivedBytes: number;
  /** The peer was not connected, or its connection closed before the message left. */
  readonly droppedNotConnected: number;
  /** The peer reads too slowly: `maxQueuedBytes` were waiting. */
  readonly droppedQueueFull: number;
  /** Longer than `maxMessageBytes`. */
  readonly droppedTooLarge: number;
};

export type MutablePeerCounters = { -readonly [Name in keyof PeerCounters]: PeerCounters[Name] };

export function noPeerCounters(): MutablePeerCounters {
  return {
    sentMessages: 0,
    sentFrames: 0,
    sentBytes: 0,
    receivedMessages: 0,
    receivedFrames: 0,
    receivedBytes: 0,
    droppedNotConnected: 0,
    droppedQueueFull: 0,
    droppedTooLarge: 0,
  };
}
