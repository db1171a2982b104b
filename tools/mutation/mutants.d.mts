export type Mutant = {
  readonly id: string;
  /** The promise that would be broken, and its source. */
  readonly breaks: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Which tests notice it, where all of the library's would take long: as for vitest. Absent: all of them. */
  readonly tests?: readonly string[];
  readonly find: string;
  readonly replace: string;
};

export const MUTANTS: readonly Mutant[];
