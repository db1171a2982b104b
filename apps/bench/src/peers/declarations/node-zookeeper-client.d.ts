/** The part of node-zookeeper-client 1.1.3 that is used here; it has no declarations of its own. */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';

  type Callback<Result> = (error: ZooKeeperError | null, result: Result) => void;
  type ZooKeeperError = Error & { readonly code: number };

  export type JuteRequest = { readonly header: { xid: number; type: number }; toBuffer(): Buffer };

  export interface Client extends EventEmitter {
    /** Not documented, but the only way to an operation that the client has no method for. */
    readonly connectionManager: { queue(request: JuteRequest, callback: (error: Error | null) => void): void };
    connect(): void;
    close(): void;
    create(path: string, data: Buffer | null, mode: number, callback: Callback<string>): void;
    remove(path: string, version: number, callback: (error: ZooKeeperError | null) => void): void;
    setData(path: string, data: Buffer, version: number, callback: Callback<unknown>): void;
    getData(path: string, watcher: ((event: unknown) => void) | null, callback: Callback<Buffer | undefined>): void;
    exists(path: string, watcher: (event: unknown) => void, callback: Callback<object | null>): void;
    getChildren(path: string, watcher: null, callback: Callback<string[]>): void;
  }

  export type ClientOptions = { sessionTimeout?: number; spinDelay?: number; retries?: number };

  const zookeeper: {
    createClient(connectionString: string, options?: ClientOptions): Client;
    readonly CreateMode: { readonly PERSISTENT: number; readonly EPHEMERAL_SEQUENTIAL: number };
    readonly Exception: { readonly NO_NODE: number; readonly NODE_EXISTS: number };
  };
  export default zookeeper;
}
