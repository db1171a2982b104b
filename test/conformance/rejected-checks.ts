import type { ConformanceCheck } from '@latchkey/conformance';

/** The names of the checks that an adapter does not pass. */
export async function rejectedChecks<Factory>(
  checks: readonly ConformanceCheck<Factory>[],
  factory: Factory,
): Promise<readonly string[]> {
  const rejected: string[] = [];
  for (const check of checks) {
    try {
      await check.run(factory);
    } catch {
      rejected.push(check.name);
    }
  }
  return rejected;
}
