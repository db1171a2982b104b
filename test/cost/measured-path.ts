/** A piece of the product's work, to be carried out again and again. */
export type MeasuredPath = {
  /** What does not count, before each measurement. */
  readonly prepare: () => Promise<void>;
  /** Always the same amount of work; some tens of milliseconds of it. */
  readonly run: () => Promise<void>;
};
