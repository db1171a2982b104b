import type { PeerTransportLimits } from './peer-transport-limits.js';

/**
 * What a connection between two nodes is for. `main` carries everything but bulk messages, and a peer is up while it
 * stands. `bulk` carries bulk messages only, comes and goes as they do, and says nothing about the peer (FAILURE-MODES 50).
 */
export type PeerChannel = 'main' | 'bulk';

/** Bounds of one connection. */
export type ChannelLimits = {
  readonly maxMessageBytes: number;
  readonly coalescedFrameBytes: number;
  readonly maxQueuedBytes: number;
  readonly closeGraceMs: number;
};

export function channelLimits(channel: PeerChannel, limits: PeerTransportLimits): ChannelLimits {
  const { maxMessageBytes, maxQueuedBytes, maxBulkMessageBytes, maxBulkQueuedBytes, closeGraceMs } = limits;
  const { coalescedFrameBytes } = limits;
  if (channel === 'main') return { maxMessageBytes, maxQueuedBytes, coalescedFrameBytes, closeGraceMs };
  return {
    maxMessageBytes: maxBulkMessageBytes,
    maxQueuedBytes: maxBulkQueuedBytes,
    coalescedFrameBytes: Math.min(coalescedFrameBytes, maxBulkMessageBytes),
    closeGraceMs,
  };
}
