import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { NodeWebSocket } from 'socket.io-client';

/** The part of a `ws` client socket that is used here. */
type UpgradingSocket = { once(event: 'upgrade', listener: (response: IncomingMessage) => void): void };

/** The dialler's Engine.IO transport: a websocket that shows its TCP socket and does not mask. */
export class PeerWebSocket extends NodeWebSocket {
  /** Null until the server has agreed to the upgrade. */
  tcp: TcpSocket | null = null;

  override createSocket(
    uri: string,
    protocols: string | string[] | undefined,
    options: Record<string, unknown>,
  ): unknown {
    // Masking protects proxies from scripts in browsers, and costs a pass over all bytes on both sides. `ws` skips it for the
    // mask 0, which is what its freshly allocated mask buffer holds when nothing is put into it.
    const websocket: UpgradingSocket = super.createSocket(uri, protocols, { ...options, generateMask: () => {} });
    websocket.once('upgrade', (response) => {
      this.tcp = response.socket;
    });
    return websocket;
  }
}
