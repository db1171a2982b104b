import { io, type Socket } from 'socket.io-client';
import { Packr } from 'msgpackr';
import {
  CLIENT_EVENTS,
  CLIENT_SOCKET_PATH,
  NODE_EVENT,
  PROTOCOL_VERSION,
  REQUESTS_EVENT,
  RESPONSES_EVENT,
  WATCH_EVENT,
  type ErrorBody,
  type NodeAnnouncement,
  type WatchMessage,
} from '@latchkey/contracts';
import * as parser from '../gateway/client-packet-parser.js';

export type Response =
  { readonly ok: true; readonly result: Record<string, unknown> } | { readonly ok: false; readonly error: ErrorBody };

const packr = new Packr({ useRecords: false, variableMapSize: true });

/** A bare client of the socket wire, for tests: it may send whatever it likes. */
export class TestClient {
  readonly watchMessages: (readonly [watchId: number, message: WatchMessage])[] = [];
  /** What the node said of itself and its leader. */
  readonly announcements: NodeAnnouncement[] = [];
  /** Responses to no request (id 0). */
  readonly complaints: ErrorBody[] = [];
  /** How many `responses` frames came. */
  responseFrames = 0;
  private readonly waiting = new Map<number, (response: Response) => void>();
  private readonly watchers = new Set<() => void>();
  private lastId = 0;

  private constructor(readonly socket: Socket) {
    socket.on(RESPONSES_EVENT, (frame: Buffer) => this.answered(packr.unpack(frame)));
    socket.on(NODE_EVENT, (frame: Buffer) => this.announcements.push(packr.unpack(frame)));
    socket.on(WATCH_EVENT, (frame: Buffer) => {
      this.watchMessages.push(...packr.unpack(frame));
      for (const look of [...this.watchers]) look();
    });
  }

  static open(url: string, auth: object = { protocolVersion: PROTOCOL_VERSION }, origin?: string): Promise<TestClient> {
    const socket = io(url, {
      path: CLIENT_SOCKET_PATH,
      parser,
      transports: ['websocket'],
      auth,
      reconnection: false,
      forceNew: true,
      ...(origin === undefined ? {} : { extraHeaders: { origin } }),
    });
    const client = new TestClient(socket);
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(client));
      socket.once('connect_error', reject);
    });
  }

  /** All in one frame. */
  async ask(requests: readonly object[], session: string | null = null): Promise<readonly Response[]> {
    const pairs = requests.map((request) => [(this.lastId += 1), request] as const);
    const answers = pairs.map(([id]) => new Promise<Response>((resolve) => this.waiting.set(id, resolve)));
    this.sendFrame([0, session, pairs]);
    return Promise.all(answers);
  }

  /** A request of which the test needs the id. */
  start(request: object, session: string | null = null): { readonly id: number; readonly answer: Promise<Response> } {
    this.lastId += 1;
    const id = this.lastId;
    const answer = new Promise<Response>((resolve) => this.waiting.set(id, resolve));
    this.sendFrame([0, session, [[id, request]]]);
    return { id, answer };
  }

  repeat(id: number, request: object, session: string): Promise<Response> {
    const answer = new Promise<Response>((resolve) => this.waiting.set(id, resolve));
    this.sendFrame([0, session, [[id, request]]]);
    return answer;
  }

  sendFrame(frame: unknown): void {
    this.sendRaw(packr.pack(frame));
  }

  /** As a frame of requests. */
  sendRaw(bytes: Uint8Array): void {
    const tag = Buffer.of(CLIENT_EVENTS.indexOf(REQUESTS_EVENT));
    this.socket.emit(REQUESTS_EVENT, Buffer.concat([tag, bytes]));
  }

  /** As it is, below Socket.IO. */
  sendMessage(message: string | Uint8Array): void {
    this.socket.io.engine.write(message);
  }

  /** Resolves when the messages of all watches so far satisfy `isEnough`. */
  watched(isEnough: (messages: TestClient['watchMessages']) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isEnough(this.watchMessages)) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  /** Reads nothing more from the network until told to go on. */
  pauseReading(): void {
    this.webSocket().pause();
  }

  resumeReading(): void {
    this.webSocket().resume();
  }

  disconnected(): Promise<string> {
    return new Promise((resolve) => this.socket.once('disconnect', (reason) => resolve(reason)));
  }

  close(): void {
    this.socket.disconnect();
  }

  private webSocket(): { pause(): void; resume(): void } {
    // Below the public interface: what `ws` has and socket.io-client does not declare.
    const { transport } = this.socket.io.engine as unknown as { transport: { ws: { pause(): void; resume(): void } } };
    return transport.ws;
  }

  private answered(frame: readonly (readonly [number, 0 | 1, Record<string, unknown>])[]): void {
    this.responseFrames += 1;
    for (const [id, ok, body] of frame) {
      // The server's own promise about the shape of an error.
      const error = body as unknown as ErrorBody;
      if (id === 0) this.complaints.push(error);
      this.waiting.get(id)?.(ok === 1 ? { ok: true, result: body } : { ok: false, error });
      this.waiting.delete(id);
    }
  }
}
