import { MAX_REQUESTS_PER_FRAME } from '../protocol.js';
import { isLeaseIdText } from './field-checks.js';

/** A frame whose outline is right. Its requests have not been looked at; see `parseRequest`. */
export type ParsedFrame = {
  readonly acknowledgedThrough: number;
  readonly session: string | null;
  readonly requests: readonly (readonly [id: number, request: unknown])[];
};

/** What is wrong with the frame's outline, as text for the client, or the frame. */
export function parseFrame(frame: unknown): ParsedFrame | string {
  if (!Array.isArray(frame) || frame.length !== 3) return 'a frame is [acknowledgedThrough, session, requests]';
  const [acknowledgedThrough, session, requests] = frame as readonly unknown[];
  if (!Number.isSafeInteger(acknowledgedThrough) || Number(acknowledgedThrough) < 0)
    return 'acknowledgedThrough: must be an integer from 0 on';
  if (session !== null && !isLeaseIdText(session)) return 'session: must be a lease id or null';
  if (!Array.isArray(requests)) return 'requests: must be a list';
  if (requests.length > MAX_REQUESTS_PER_FRAME) return `requests: more than ${MAX_REQUESTS_PER_FRAME}`;
  for (const request of requests as readonly unknown[]) {
    if (!Array.isArray(request) || request.length !== 2) return 'requests: each must be [id, request]';
    if (!Number.isSafeInteger(request[0]) || Number(request[0]) < 1)
      return 'requests: an id must be an integer from 1 on';
  }
  // The loop above has looked at every pair.
  return { acknowledgedThrough: Number(acknowledgedThrough), session, requests: requests as ParsedFrame['requests'] };
}
