import type { ClientRequest, RequestFrame } from '@latchkey/contracts';
import type { PendingRequest } from './pending-request.js';

/** As the node allows. */
export const MAX_REQUESTS_PER_FRAME = 1_024;
/** Estimated bytes after which a new frame is begun; half of what the node allows, since it is an estimate. */
export const MAX_FRAME_ESTIMATED_BYTES = 2 * 1024 * 1024;

/** Groups requests into frames: one session per frame, bounded in number and size, in the order given. */
export function buildFrames(acknowledgedThrough: number, requests: readonly PendingRequest[]): RequestFrame[] {
  const frames: RequestFrame[] = [];
  let entries: [number, ClientRequest][] = [];
  /** undefined = only requests so far to which the session does not matter. */
  let session: string | null | undefined;
  let bytes = 0;
  for (const pending of requests) {
    const needed = pending.kind === 'read' || pending.kind === 'connection' ? undefined : pending.session;
    const full = entries.length >= MAX_REQUESTS_PER_FRAME || bytes + pending.bytes > MAX_FRAME_ESTIMATED_BYTES;
    const otherSession = needed !== undefined && session !== undefined && needed !== session;
    if (entries.length > 0 && (full || otherSession)) {
      frames.push([acknowledgedThrough, session ?? null, entries]);
      entries = [];
      bytes = 0;
      session = undefined;
    }
    if (needed !== undefined) session = needed;
    bytes += pending.bytes;
    entries.push([pending.id, pending.request]);
  }
  if (entries.length > 0) frames.push([acknowledgedThrough, session ?? null, entries]);
  return frames;
}
