import type { Claim } from './check.js';

/** What the person at the terminal sees while it runs, and at the end. */
export class DemoReport {
  readonly #startedAt = performance.now();

  step(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1_000).toFixed(1).padStart(5);
    process.stdout.write(`${seconds} s  ${text}\n`);
  }

  heading(text: string): void {
    process.stdout.write(`\n${text}\n`);
  }

  claims(claims: readonly Claim[]): void {
    for (const { holds, text } of claims) process.stdout.write(`  ${holds ? '✓' : '✗'} ${text}\n`);
  }

  line(text: string): void {
    process.stdout.write(`  ${text}\n`);
  }
}
