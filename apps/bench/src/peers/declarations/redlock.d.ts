/** The part of redlock 4.2.0 that is used here; it has no declarations of its own. */
declare module 'redlock' {
  import type { EventEmitter } from 'node:events';
  import type { Redis } from 'ioredis';

  export type RedlockOptions = {
    readonly driftFactor?: number;
    /** -1: without end. */
    readonly retryCount?: number;
    readonly retryDelay?: number;
    readonly retryJitter?: number;
  };

  export interface RedlockLock {
    unlock(): Promise<void>;
  }

  export default class Redlock extends EventEmitter {
    constructor(clients: readonly Redis[], options?: RedlockOptions);
    lock(resource: string, ttlMs: number): Promise<RedlockLock>;
  }
}
