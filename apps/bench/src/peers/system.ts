/** `redis` is one unreplicated server; `redlock` is three of them with the redlock client, for locks alone. */
export const SYSTEM_NAMES = ['latchkey', 'etcd', 'zookeeper', 'nats', 'redlock', 'redis'] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];

/** What a workload needs. `leader`: more than one member, one of which can be lost. */
export type Ability = 'kv' | 'lock' | 'watch' | 'leader';

/** A system that can be measured: how to find it on this machine, and how to start it. */
export interface System {
  readonly name: SystemName;
  readonly title: string;
  readonly abilities: readonly Ability[];
  /** null when it is installed; else what is missing, for people. */
  missing(): string | null;
  /** As the installed programs say it. */
  version(): Promise<string>;
  /** Members with data below `directory`, which exists and is empty; none of them started. */
  create(directory: string): Promise<Cluster>;
}

/** One member: its main process, and whatever else it needs (Latchkey: its Postgres). Trees of processes below count, too. */
export type Member = { readonly id: string; readonly pid: number; readonly otherPids: readonly number[] };

/**
 * - `load`: one client that does all the work, connected the shortest way (to the leader where the system has one).
 * - `crowd`: one of very many clients in this process.
 * - `failover`: told of all members, so that it can go elsewhere.
 */
export type Purpose = 'load' | 'crowd' | 'failover';

export interface Cluster {
  /** Starts all members and waits until they serve. */
  start(): Promise<void>;
  /** Those that run now. */
  members(): readonly Member[];
  connect(purpose: Purpose): Promise<Client>;
  /** Waits until all members run, have caught up and agree on a leader. @throws when that takes too long */
  settledLeader(): Promise<Member>;
  /** Starts what is not running, on the data it has, and returns without waiting for it to serve. */
  revive(): Promise<void>;
  /** Stops every member in order; the data stays. */
  halt(): Promise<void>;
  /** Ends every process, whatever state it is in. May be called again. */
  stop(): Promise<void>;
}

/** The same calls for every system, each by what its usual client offers. */
export interface Client {
  /** Resolves when the write is acknowledged as the system acknowledges by default. */
  put(key: string, value: Uint8Array): Promise<unknown>;
  /** `put` of a key that does not exist yet. */
  insert(key: string, value: Uint8Array): Promise<unknown>;
  /** As linearizable as the system can. */
  get(key: string): Promise<Uint8Array | null>;
  /** Waits as long as it takes. */
  acquire(name: string): Promise<HeldLock>;
  /** Whatever a system needs before locks of these names can be taken; not measured. */
  prepareLocks(names: readonly string[]): Promise<void>;
  /** Resolves when the watch is in place: every later `announce` of the key reaches `onValue`. */
  watch(key: string, onValue: (value: Uint8Array) => void): Promise<void>;
  /** `put` in the way that reaches watchers. */
  announce(key: string, value: Uint8Array): Promise<unknown>;
  close(): Promise<void>;
}

export type HeldLock = { release(): Promise<unknown> };
