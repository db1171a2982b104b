// Every check of the repository, writing nothing. All of them run, even after one has failed; exit 1 if any did.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));

const CHECKS = [
  ['types', bin('tsc'), ['--noEmit', '--incremental', 'false']],
  ['lint', bin('oxlint'), ['--type-aware', '--quiet']],
  ['imports', bin('depcruise'), ['--config', '.dependency-cruiser.mjs', 'apps', 'libs']],
  ['unused code', bin('knip'), ['--no-progress']],
  ['format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
  ['tidy', bin('vitest'), ['run', 'test/tidy', '--reporter', 'dot']],
];

const failed = [];
for (const [name, command, args] of CHECKS) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  console.log(status === 0 ? '✓' : '✗', name);
  if (status !== 0) {
    failed.push(name);
    console.log(stdout, stderr);
  }
}
if (failed.length > 0) {
  console.error(`verify: failed: ${failed.join(', ')} (npm run fix mends lint and format)`);
  process.exit(1);
}
