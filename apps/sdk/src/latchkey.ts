import type { StatusResult, WireLock } from '@latchkey/contracts';
import type { ClientCore, ClientEvents } from './client-core.js';
import { ConfigClient } from './config/config-client.js';
import { ElectionHandle } from './elections/election-handle.js';
import { KvClient } from './kv/kv-client.js';
import { Lease } from './leases/lease.js';
import { LockHandle } from './locks/lock-handle.js';

export type ClientStatus = {
  /** As the connected node answers; null when none answers in time. */
  readonly node: StatusResult | null;
  readonly endpoint: string | null;
  /** The session's lease; null while a lost one is being replaced. */
  readonly session: { readonly id: string; readonly remainingMs: number } | null;
  readonly heartbeat: 'worker' | 'main';
};

/**
 * A client of a Latchkey cluster: one connection, one session, any number of locks, watches and calls. Made by `connect`. It keeps the
 * process alive until `close()`.
 */
export class Latchkey implements AsyncDisposable {
  /** The key space under everything else. */
  readonly kv: KvClient;

  constructor(private readonly core: ClientCore) {
    this.kv = new KvClient(core.requests, core.watches);
  }

  lock(name: string): LockHandle {
    return new LockHandle(name, this.core.claims, this.core.requests);
  }

  /** Every lock that is held or waited for and whose name begins with `prefix`. */
  async locks(prefix = ''): Promise<readonly WireLock[]> {
    return (await this.core.requests.call({ op: 'lockList', space: 'locks', prefix })).locks;
  }

  election(name: string): ElectionHandle {
    return new ElectionHandle(name, this.core.claims, this.core.requests, this.core.watches);
  }

  /** @throws InvalidArgumentError for a namespace that is empty or has a slash */
  config(namespace: string): ConfigClient {
    return new ConfigClient(namespace, this.core.requests, this.core.watches);
  }

  /** A lease of its own, renewed by the same heartbeat as the session. */
  async lease(options: { readonly ttlMs: number }): Promise<Lease> {
    const lease = await this.core.granter.grant(options.ttlMs, this.core.deadlineMs(), () => undefined);
    return new Lease(lease, this.core.granter);
  }

  async status(): Promise<ClientStatus> {
    const node = await this.core.requests.call({ op: 'status' }).catch(() => null);
    const { session, endpoint, heartbeat } = this.core;
    return {
      node,
      endpoint,
      session: session === null ? null : { id: session.id, remainingMs: session.remainingMs },
      heartbeat,
    };
  }

  /**
   * - `sessionJeopardy`: no renewal has come through for half of the TTL; the locks are still held.
   * - `sessionLost`: all locks of this client are lost, and their signals have aborted. A new session is being made.
   * - `connected`, `disconnected`: of the main connection; calls go on by themselves.
   *
   * The answer takes the listener back.
   */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.core.events.on(name, listener);
  }

  /** Ends the session, so that its locks are free at once, and settles everything still pending. Takes 2 s at most. May be called again. */
  close(): Promise<void> {
    return this.core.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
