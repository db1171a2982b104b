import type { ClientRequest, ResultOf } from '@latchkey/contracts';

export type CallOptions = {
  /** On the client's clock; default: now + the client's request timeout. `Infinity` = as long as the client lives. */
  readonly deadlineMs?: number;
  /** For `leaseWrite` operations: the session whose lease they name. */
  readonly session?: string;
  /** Makes the request anew before each repeat. */
  readonly refresh?: (nowMs: number) => ClientRequest;
};

export type Call<Result> = {
  readonly id: number;
  readonly result: Promise<Result>;
  /**
   * The caller wants this request no longer. Not sent yet: it fails with CANCELLED at once. A waiting acquire on a node: the node is asked to
   * end it, and it settles with CANCELLED, or with the grant that came first.
   */
  readonly cancel: () => void;
};

/** What the client's views (kv, locks, config, …) need of the pipeline. */
export interface RequestPort {
  readonly requestTimeoutMs: number;
  call<Request extends ClientRequest>(request: Request, options?: CallOptions): Promise<ResultOf<Request['op']>>;
  /** The same for a caller that must know the id or may cancel. */
  submit<Request extends ClientRequest>(request: Request, options?: CallOptions): Call<ResultOf<Request['op']>>;
}
