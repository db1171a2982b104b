import type { WatchFrame } from '@latchkey/contracts';
import { LatchkeyError } from '../errors/latchkey-error.js';
import type { Clock } from '../ports/clock.js';
import type { RequestPort } from '../requests/request-port.js';
import type { SubscriptionOptions } from './subscription.js';
import { Subscription } from './subscription.js';

/** Before a watch is opened again after a node refused or ended it. */
export const WATCH_REOPEN_MS = 50;

/** All watches of a client over its one connection: opens them on every new connection where they were, and sorts what arrives. */
export class WatchHub {
  readonly #subscriptions = new Set<Subscription>();
  /** By watch id: the id of the request that opened it. */
  readonly #open = new Map<number, Subscription>();
  readonly #watchIds = new Map<Subscription, number>();
  #connected = false;

  constructor(
    private readonly requests: RequestPort,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.#open.size;
  }

  subscribe(options: SubscriptionOptions): Subscription {
    const subscription = new Subscription(options, {
      open: (paused) => this.#openOnNode(paused),
      openLater: (refused) => {
        this.#forget(refused);
        this.clock.setTimer(WATCH_REOPEN_MS, () => this.#openOnNode(refused));
      },
      shut: (unwanted) => this.#shut(unwanted),
      ended: (over) => this.#subscriptions.delete(over),
    });
    if (subscription.wantsEvents) {
      this.#subscriptions.add(subscription);
      this.#openOnNode(subscription);
    }
    return subscription;
  }

  connected(): void {
    this.#connected = true;
    for (const subscription of this.#subscriptions) this.#openOnNode(subscription);
  }

  disconnected(): void {
    this.#connected = false;
    this.#open.clear();
    this.#watchIds.clear();
  }

  frame(frame: WatchFrame): void {
    for (const [watchId, message] of frame) this.#open.get(watchId)?.receive(message);
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.end(null);
  }

  #openOnNode(subscription: Subscription): void {
    if (!this.#connected || !subscription.wantsEvents || this.#watchIds.has(subscription)) return;
    const { id, result } = this.requests.submit({ op: 'watch', ...subscription.request() });
    this.#open.set(id, subscription);
    this.#watchIds.set(subscription, id);
    result.catch((error: unknown) => {
      // Lost with its connection: the next one opens it again.
      if (this.#open.get(id) !== subscription) return;
      this.#forget(subscription);
      if (error instanceof LatchkeyError) subscription.refused(error);
      else subscription.end(error);
    });
  }

  #shut(subscription: Subscription): void {
    const watchId = this.#watchIds.get(subscription);
    if (watchId === undefined) return;
    this.#forget(subscription);
    // Best effort: messages that still come for this id are not looked at.
    this.requests.call({ op: 'unwatch', watchId }).catch(() => undefined);
  }

  #forget(subscription: Subscription): void {
    const watchId = this.#watchIds.get(subscription);
    if (watchId === undefined) return;
    this.#watchIds.delete(subscription);
    this.#open.delete(watchId);
  }
}
