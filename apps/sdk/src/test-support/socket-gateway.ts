import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClientRequest, RequestFrame, ResponseFrame } from '@latchkey/contracts';
import { Packr } from 'msgpackr';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io';
import * as parser from '../node/packet-parser.js';
import { CLIENT_SOCKET_PATH, PROTOCOL_VERSION, REQUESTS_EVENT, RESPONSES_EVENT } from '../node/wire-constants.js';
import type { FakeCluster } from './fake-cluster.js';

/** A node that speaks the real wire over a real socket, over the state of a fake cluster. */
export class SocketGateway {
  readonly frames: RequestFrame[] = [];
  losesAnswers = false;
  readonly #packr = new Packr({ useRecords: false });
  readonly #http = createServer();
  readonly #io = new Server(this.#http, {
    path: CLIENT_SOCKET_PATH,
    parser,
    transports: ['websocket'],
    serveClient: false,
  });

  constructor(private readonly cluster: FakeCluster) {
    this.#io.use((socket, next) => {
      if (socket.handshake.auth['protocolVersion'] === PROTOCOL_VERSION) return next();
      const details = { code: 'PROTOCOL_VERSION', message: 'unknown version', retry: 'never', details: {} };
      next(Object.assign(new Error('unknown version'), { data: details }));
    });
    this.#io.on('connection', (socket) => {
      socket.on(REQUESTS_EVENT, (bytes: Uint8Array) => this.#serve(socket, bytes));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    // An http server that listens on TCP has such an address.
    const { port } = this.#http.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Like a SIGKILL: all connections end, the port refuses. */
  async kill(): Promise<void> {
    await this.#io.close();
  }

  /** Session writes that arrived: [id, request] by frame. */
  writes(op: ClientRequest['op']): (readonly [number, ClientRequest])[][] {
    return this.frames
      .map(([, , requests]) => requests.filter(([, request]) => request.op === op))
      .filter((requests) => requests.length > 0);
  }

  #serve(socket: Socket, bytes: Uint8Array): void {
    // The client under test writes frames.
    const frame = this.#packr.unpack(bytes) as RequestFrame;
    this.frames.push(frame);
    const [acknowledgedThrough, session, requests] = frame;
    if (session !== null) this.cluster.acknowledge(session, acknowledgedThrough);
    const responses: ResponseFrame = requests.map(([id, request]) => {
      const answer = this.cluster.execute(request, id, session);
      return 'error' in answer ? ([id, 0, answer.error] as const) : ([id, 1, answer.result] as const);
    });
    if (!this.losesAnswers) socket.emit(RESPONSES_EVENT, this.#packr.pack(responses));
  }
}
