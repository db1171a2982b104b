/** One promise of a port, as something to run. It throws when the adapter does not keep it. */
export type ConformanceCheck<Factory> = {
  /** Situation and consequence. */
  readonly name: string;
  run(factory: Factory): Promise<void>;
};

/** The two functions of a test runner that are needed: those of vitest, Jest or node:test. */
export type TestRunner = {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
};

/**
 * Registers every check as a test.
 *
 * @example
 * import { describe, it } from 'vitest';
 * registerConformance({ describe, it }, 'my log store', logStoreChecks, async () => new MyPlace());
 */
export function registerConformance<Factory>(
  runner: TestRunner,
  subject: string,
  checks: readonly ConformanceCheck<Factory>[],
  factory: Factory,
): void {
  runner.describe(subject, () => {
    for (const check of checks) runner.it(check.name, () => check.run(factory));
  });
}
