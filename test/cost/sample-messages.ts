/** Not a path: what they are compared with. */
export const REFERENCE = 'reference';

/** To the process that measures. */
export type SampleRequest =
  /** Runs until its code is compiled. */
  | { readonly type: 'warmUp' }
  /** One measurement of so many runs, one after the other. */
  | { readonly type: 'sample'; readonly runs: number };

/** From it, to each request and once at its start. */
export type SampleAnswer = { readonly cpuMs: number };
