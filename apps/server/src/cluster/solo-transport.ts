import type { PeerTransport } from '@latchkey/replica';

/** For a cluster of one: nobody to talk to, so no listener either. */
export class SoloTransport implements PeerTransport {
  async start(): Promise<void> {}
  send(): void {}
  setPeers(): void {}
  async close(): Promise<void> {}
}
