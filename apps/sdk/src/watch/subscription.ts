import type { WatchMessage, WatchRequest, WireEvent, WireRange } from '@latchkey/contracts';
import type { LatchkeyError } from '../errors/latchkey-error.js';
import { errorFromBody } from '../errors/latchkey-error.js';
import { WATCH_BUFFER_HIGH, WatchBuffer, eventRevision } from './watch-buffer.js';

export type SubscriptionOptions = {
  readonly range: WireRange;
  /** Inclusive; absent = from now on. */
  readonly fromRevision?: number;
  readonly previous?: boolean;
  readonly signal?: AbortSignal;
};

/** What a subscription asks of whoever has the connection. */
export type SubscriptionHost = {
  /** Open it (again) on the connection, when there is one. */
  readonly open: (subscription: Subscription) => void;
  /** Same, but not before a short while. */
  readonly openLater: (subscription: Subscription) => void;
  /** No more messages, please. */
  readonly shut: (subscription: Subscription) => void;
  readonly ended: (subscription: Subscription) => void;
};

type Reader = {
  readonly resolve: (events: readonly WireEvent[] | null) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * One watch as its reader sees it: every event once, in order, whatever connections, nodes and pauses lie between (FAILURE-MODES 46–48). It knows the
 * next revision it wants, and takes nothing below it.
 */
export class Subscription {
  readonly #buffer = new WatchBuffer();
  /** null = from now on, not yet told by a node when that is. */
  #nextRevision: number | null;
  #resumed = false;
  #paused = false;
  #readers: Reader[] = [];
  #whenOpened: (() => void)[] = [];
  #ended = false;
  #error: unknown = null;
  readonly #onAbort = (): void => this.end(null);

  constructor(
    private readonly options: SubscriptionOptions,
    private readonly host: SubscriptionHost,
  ) {
    this.#nextRevision = options.fromRevision ?? null;
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted === true) this.end(null);
  }

  get wantsEvents(): boolean {
    return !this.#ended && !this.#paused;
  }

  /** Everything up to here has been received; null before a node has said where "now" is. */
  get receivedThrough(): number | null {
    return this.#nextRevision === null ? null : this.#nextRevision - 1;
  }

  /** Resolves when it is certain from which revision on events will come, or when it is over. */
  opened(): Promise<void> {
    if (this.#nextRevision !== null || this.#ended) return Promise.resolve();
    return new Promise((resolve) => this.#whenOpened.push(resolve));
  }

  request(): WatchRequest {
    const { range, previous } = this.options;
    return {
      range,
      ...(this.#nextRevision === null ? {} : { fromRevision: this.#nextRevision }),
      ...(previous === true ? { previous } : {}),
    };
  }

  /** The next events, at least one; null when the watch was ended by its reader or the client. Throws what ended it otherwise. */
  next(): Promise<readonly WireEvent[] | null> {
    if (this.#buffer.size > 0) {
      const events = this.#buffer.takeAll();
      this.#resume();
      return Promise.resolve(events);
    }
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  receive(message: WatchMessage): void {
    if (!this.wantsEvents) return;
    switch (message.type) {
      case 'created':
        this.#nextRevision ??= message.revision + 1;
        this.#tellOpened();
        return;
      case 'progress':
        this.#advance(message.revision);
        return;
      case 'events':
        this.#take(message.events);
        this.#advance(message.revision);
        this.#pauseIfFull();
        return;
      case 'ended':
        this.refused(errorFromBody(message.error));
        return;
    }
  }

  /** A node does not serve it, or not any longer. */
  refused(error: LatchkeyError): void {
    if (this.#ended) return;
    // A node that we have just moved to may be behind what we have seen already.
    const behind = error.code === 'FUTURE_REVISION' && this.#resumed;
    if (behind || error.retry === 'safe' || error.retry === 'onlyIfIdempotent') this.host.openLater(this);
    else this.end(error);
  }

  /** @param error null = without one: whoever reads sees the end of the stream */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.options.signal?.removeEventListener('abort', this.#onAbort);
    this.host.shut(this);
    this.host.ended(this);
    this.#tellOpened();
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) {
      if (error === null) reader.resolve(null);
      else reader.reject(error);
    }
  }

  #tellOpened(): void {
    for (const tell of this.#whenOpened) tell();
    this.#whenOpened = [];
  }

  #take(events: readonly WireEvent[]): void {
    const from = this.#nextRevision;
    // A repeat after changing nodes starts inside a message at most when the server cuts it so; never hand out anything twice.
    const fresh = from === null ? events : events.filter((event) => eventRevision(event) >= from);
    if (fresh.length === 0) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#buffer.push(fresh);
    else reader.resolve(fresh);
  }

  #advance(revision: number): void {
    this.#resumed = true;
    if (this.#nextRevision === null || revision >= this.#nextRevision) this.#nextRevision = revision + 1;
  }

  #pauseIfFull(): void {
    if (this.#buffer.size < WATCH_BUFFER_HIGH) return;
    this.#paused = true;
    this.host.shut(this);
  }

  #resume(): void {
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.host.open(this);
  }
}
