/** What the demo tells a worker process. */
export type ToWorker =
  /** With the next order: stop between taking the lock and writing, and say `holding`. */
  | { readonly type: 'stallNext' }
  /** Write now. Waits in the pipe while the process is stopped. */
  | { readonly type: 'goOn' };

/** What a worker process tells the demo. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'holding'; readonly orderId: string; readonly fencingToken: number }
  | {
      readonly type: 'lateWrite';
      readonly orderId: string;
      readonly outcome: 'written' | 'refused';
      /** Whether the SDK had told the worker by then that the lock is not its own any more. */
      readonly knewLockWasLost: boolean;
    }
  | { readonly type: 'batchSize'; readonly value: number; readonly revision: number }
  | { readonly type: 'finished'; readonly summary: WorkerSummary };

export type WorkerSummary = {
  readonly processed: number;
  /** The lock was held by another worker. */
  readonly heldByOthers: number;
  /** The lock was free because another worker had just done the order. */
  readonly doneBefore: number;
  readonly refused: number;
  /** Calls that failed for want of a leader and were made again later. */
  readonly interrupted: number;
};
