import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A faulty wire between a client and a node. Bytes pass unless told otherwise:
 * `blackhole` keeps connections open and lets nothing through (no FIN, no RST);
 * `loseReplies` lets requests pass and cuts the connection when the answer comes, by a chance between 0 and 1.
 */
export class TcpProxy implements AsyncDisposable {
  private mode: 'pass' | 'blackhole' = 'pass';
  private loseReply: () => boolean = () => false;
  private readonly sockets = new Set<Socket>();
  lostReplies = 0;

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {}

  static async to(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, targetPort);
    server.on('connection', (client) => proxy.join(client));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  blackhole(): void {
    this.mode = 'blackhole';
  }

  pass(): void {
    this.mode = 'pass';
    this.loseReply = () => false;
  }

  loseReplies(chance: () => boolean): void {
    this.loseReply = chance;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    const node = connect(this.targetPort, '127.0.0.1');
    const cut = () => {
      client.destroy();
      node.destroy();
    };
    for (const socket of [client, node]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', cut);
      socket.on('close', () => {
        this.sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (bytes) => {
      if (this.mode === 'pass') node.write(bytes);
    });
    node.on('data', (bytes) => {
      if (this.mode === 'blackhole') return;
      if (this.loseReply()) {
        this.lostReplies += 1;
        cut();
        return;
      }
      client.write(bytes);
    });
  }
}
