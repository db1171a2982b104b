// `npm run mutate`: applies each mutant in turn and runs the suite until it fails. Exit 1 when a mutant lives.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VITEST = fileURLToPath(new URL('../../node_modules/.bin/vitest', import.meta.url));
/** Seeds that a mutant must survive to be called alive. */
const SIMULATION = ['tools/simulate.mjs', '--seeds', '1..60', '--seconds', '30', '--stop'];
const USAGE = 'usage: npm run mutate -- [--only ID]… [--sample COUNT] [--sample-seed N] [--no-simulation]';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    sample: { type: 'string' },
    'sample-seed': { type: 'string' },
    'no-simulation': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const unitTestsOf = ({ file, tests }) => {
  if (tests !== undefined) return tests;
  const lib = file.split('/').slice(0, 2).join('/');
  return lib === 'libs/raft' ? [lib, 'test/paper', 'test/scenarios'] : [lib];
};

/** In the output of vitest. */
const FAILED_FILE = /FAIL.*?([\w/-]+(?:\.[\w-]+)*\.test\.ts)/;

/** A mutant that makes the suite hang is noticed too. */
const MAX_RUN_MS = 180_000;

function run(command, args, mutantId) {
  const env = { ...process.env, LATCHKEY_MUTANT: mutantId };
  // A group of its own: workers that hang are ended together with their parent.
  const child = spawn(command, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), MAX_RUN_MS);
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ passed: status === 0, output: Buffer.concat(output).toString() });
    });
  });
}

const unitTests = (mutant, id) =>
  run(VITEST, ['run', ...unitTestsOf(mutant), '--bail', '1', '--reporter', 'dot', '--passWithNoTests'], id);

/** What notices it; null when nothing does. */
async function killerOf(mutant) {
  const { passed, output } = await unitTests(mutant, mutant.id);
  if (!passed) return FAILED_FILE.exec(output)?.[1] ?? 'unit tests';
  if (!values['no-simulation'] && !(await run(process.execPath, SIMULATION, mutant.id)).passed) return 'simulation';
  return null;
}

function chosen() {
  if (values.only !== undefined) return MUTANTS.filter(({ id }) => values.only.includes(id));
  if (values.sample === undefined) return MUTANTS;
  const seed = Number(values['sample-seed'] ?? Date.now());
  const shuffled = MUTANTS.map((mutant, index) => ({ mutant, key: Math.imul(seed + index, 0x9e3779b1) >>> 0 }));
  shuffled.sort((left, right) => left.key - right.key);
  console.log(`sample ${values.sample} of ${MUTANTS.length}, --sample-seed ${seed}`);
  return shuffled.slice(0, Number(values.sample)).map(({ mutant }) => mutant);
}

const mutants = chosen();
if (mutants.length === 0) {
  console.error(USAGE);
  process.exit(2);
}
// A suite that fails anyway would kill everything.
for (const paths of new Set(mutants.map((mutant) => unitTestsOf(mutant).join(' ')))) {
  const { passed, output } = await unitTests({ file: '', tests: paths.split(' ') }, '');
  if (passed) continue;
  console.error(`${paths} fails without any mutant:\n${output}`);
  process.exit(2);
}
const alive = [];
for (const mutant of mutants) {
  const killer = await killerOf(mutant);
  if (killer === null) alive.push(mutant.id);
  console.log(
    `${killer === null ? 'ALIVE ' : 'killed'}  ${mutant.id}${killer === null ? '' : ` (${killer})`}: ${mutant.breaks}`,
  );
}
console.log(`${mutants.length - alive.length} of ${mutants.length} mutants killed`);
if (alive.length > 0) {
  console.error(`alive: ${alive.join(', ')}`);
  process.exit(1);
}
