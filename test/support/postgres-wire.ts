import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Part of the name of the prepared statement that a node appends to its log with; each Bind message carries it. */
const APPEND_STATEMENT = 'latchkey-append';

/** Of the server's answer to an append that added its row: what the statement did, and, at the very end, that it has ended. */
const APPENDED = 'INSERT 0 1\0';
const READY_BYTES = 6;
const READY_TYPE = 'Z'.charCodeAt(0);

/** `request`: the statement never reaches the server. `reply`: it does, and commits, and nobody hears of it. */
export type CutPlace = 'request' | 'reply';

/** The wire between a node and its Postgres. It knows an append to the log when it sees one, and can be cut right there. */
export class PostgresWire implements AsyncDisposable {
  private readonly sockets = new Set<Socket>();
  private isOpen = true;
  private awaitedCut: { readonly place: CutPlace; readonly onCut: () => void } | null = null;

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {}

  static async to(targetPort: number): Promise<PostgresWire> {
    const server = createServer();
    const wire = new PostgresWire(server, targetPort);
    server.on('connection', (node) => wire.join(node));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return wire;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Resolves when an append was cut. The connection is gone then; the next one works. */
  cutNextAppend(place: CutPlace): Promise<void> {
    return new Promise((resolve) => {
      this.awaitedCut = { place, onCut: resolve };
    });
  }

  /** Ends every connection, and every new one at once. */
  close(): void {
    this.isOpen = false;
    for (const socket of this.sockets) socket.destroy();
  }

  open(): void {
    this.isOpen = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(node: Socket): void {
    if (!this.isOpen) {
      node.destroy();
      return;
    }
    const postgres = connect(this.targetPort, '127.0.0.1');
    const cut = () => {
      node.destroy();
      postgres.destroy();
    };
    for (const socket of [node, postgres]) this.follow(socket, cut);
    let isAnswerAwaited = false;
    node.on('data', (bytes) => {
      if (this.awaitedCut !== null && bytes.includes(APPEND_STATEMENT)) {
        if (this.awaitedCut.place === 'request') return this.noteCut(cut);
        isAnswerAwaited = true;
      }
      postgres.write(bytes);
    });
    postgres.on('data', (bytes) => {
      if (isAnswerAwaited && saysCommitted(bytes)) return this.noteCut(cut);
      node.write(bytes);
    });
  }

  private noteCut(cut: () => void): void {
    cut();
    this.awaitedCut?.onCut();
    this.awaitedCut = null;
  }

  private follow(socket: Socket, cut: () => void): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', cut);
    socket.on('close', () => {
      this.sockets.delete(socket);
      cut();
    });
  }
}

/** The statement is a transaction of its own, so the server is ready for the next one only after the commit. */
function saysCommitted(answer: Buffer): boolean {
  return answer.includes(APPENDED) && answer.at(-READY_BYTES) === READY_TYPE;
}
