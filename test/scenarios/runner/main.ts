import { runScenario } from './run-scenario.js';
import { readScenario, scenarioNames, writeScenario } from './scenario-store.js';

const USAGE = `npm run scenarios -- [--rewrite] [name …]
  Runs the scenarios whose file names contain one of the names (all without a name).
  --rewrite  replaces their transcripts by what happens now; review the diff`;

/**
 * The command line for people; vitest runs scenarios.test.ts instead.
 * @returns exit code: 0 when every transcript is as it should be (or was rewritten)
 */
export function main(args: readonly string[]): number {
  const unknown = args.filter((arg) => arg.startsWith('-') && arg !== '--rewrite');
  if (unknown.length > 0) {
    process.stdout.write(`${USAGE}\n`);
    return 1;
  }
  const isRewriting = args.includes('--rewrite');
  const wanted = args.filter((arg) => arg !== '--rewrite');
  const names = scenarioNames().filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
  const outcomes = names.map((name) => runOne(name, isRewriting));
  const count = (outcome: Outcome): number => outcomes.filter((each) => each === outcome).length;
  process.stdout.write(`${names.length} scenarios, ${count('rewritten')} rewritten, ${count('bad')} bad\n`);
  return names.length === 0 || count('bad') > 0 ? 1 : 0;
}

type Outcome = 'good' | 'rewritten' | 'bad';

function runOne(name: string, isRewriting: boolean): Outcome {
  const text = readScenario(name);
  let actual: string;
  try {
    actual = runScenario(text);
  } catch (error) {
    process.stdout.write(`${name} ${error instanceof Error ? error.message : String(error)}\n`);
    return 'bad';
  }
  if (actual === text) return 'good';
  if (isRewriting) writeScenario(name, actual);
  process.stdout.write(`${name} ${isRewriting ? 'rewritten' : 'differs; see: npx vitest run test/scenarios'}\n`);
  return isRewriting ? 'rewritten' : 'bad';
}
