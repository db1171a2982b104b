import type { Effect, PersistId } from '@latchkey/raft';
import { Fifo } from './fifo.js';
import type { PeerSender } from './peer-sender.js';

type SendEffect = Extract<Effect, { readonly type: 'send' }>;

/** Holds back the messages that must not leave before a persist is durable (Raft Figure 2: respond after updating storage). */
export class Outbox {
  private readonly waiting = new Fifo<SendEffect>();
  private durablePersistId = 0;
  private closed = false;

  constructor(
    private readonly transport: PeerSender,
    private readonly maxWaiting: number,
  ) {}

  send(effect: SendEffect): void {
    if (this.closed) return;
    if (effect.afterPersist === null || effect.afterPersist <= this.durablePersistId) this.handOn(effect);
    else if (this.waiting.size < this.maxWaiting) this.waiting.push(effect);
  }

  /** `persistId` and all before it are durable. */
  release(persistId: PersistId): void {
    if (this.closed) return;
    this.durablePersistId = persistId;
    // One that names a later persist than those behind it holds them back a little: late is safe, early is not.
    for (let next = this.waiting.peek(); next !== undefined; next = this.waiting.peek()) {
      if (next.afterPersist !== null && next.afterPersist > persistId) return;
      this.waiting.shift();
      this.handOn(next);
    }
  }

  /** Drops what waits; nothing leaves any more. */
  close(): void {
    this.closed = true;
    this.waiting.clear();
  }

  private handOn(effect: SendEffect): void {
    this.transport.send(effect.to, { type: 'raft', message: effect.message });
  }
}
