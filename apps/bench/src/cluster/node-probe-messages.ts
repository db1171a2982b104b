/** What the bench asks a probe. `beginWindow`: forget what was measured so far. */
export type ProbeQuestion = { readonly type: 'beginWindow' } | { readonly type: 'report' };

/** Of the time since the last `beginWindow`, and of this moment. */
export type ProbeReport = {
  /** How much later than due timers ran, in milliseconds. */
  readonly eventLoopDelayMs: {
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
  readonly samples: number;
  /** Bytes, as process.memoryUsage() names them. */
  readonly memory: {
    readonly rss: number;
    readonly heapUsed: number;
    readonly heapTotal: number;
    readonly external: number;
    readonly arrayBuffers: number;
  };
};
