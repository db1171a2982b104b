// Builds the named apps (all without a name) with `nest build`, leaving out those whose sources have not changed since.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleServer } from './bundle-server.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NEST = join(ROOT, 'node_modules/@nestjs/cli/bin/nest.js');
const APPS = ['server', 'cli', 'sdk', 'demo', 'bench'];
const PARALLEL_BUILDS = 2;
const SHARED_INPUTS = ['package-lock.json', 'tsconfig.json', 'nest-cli.json', 'tools/bundle-server.mjs'];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((app) => !APPS.includes(app));
if (unknown.length > 0) {
  console.error(`build: no such app: ${unknown.join(', ')} (there are: ${APPS.join(', ')})`);
  process.exit(2);
}

const fingerprint = fingerprintOf(['apps', 'libs']);
const queue = (wanted.length > 0 ? wanted : APPS).filter((app) => !isUpToDate(app));
await Promise.all(Array.from({ length: PARALLEL_BUILDS }, () => buildNext()));

async function buildNext() {
  for (let app = queue.shift(); app !== undefined; app = queue.shift()) {
    const { code, output } = await run(process.execPath, [NEST, 'build', app]);
    if (code !== 0) {
      console.error(`build: ${app} failed\n${output}`);
      process.exit(1);
    }
    if (app === 'server') await bundleServer(ROOT);
    mkdirSync(join(ROOT, 'dist', app), { recursive: true });
    writeFileSync(stampOf(app), fingerprint);
  }
}

function isUpToDate(app) {
  return existsSync(stampOf(app)) && readFileSync(stampOf(app), 'utf8') === fingerprint;
}

function stampOf(app) {
  return join(ROOT, 'dist', app, '.built-from');
}

/** Changes with every source file's path, size and time of change. */
function fingerprintOf(folders) {
  const hash = createHash('sha256');
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(ROOT, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  for (const path of SHARED_INPUTS) add(path);
  for (const folder of folders) {
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) add(join(entry.parentPath, entry.name).slice(ROOT.length));
    }
  }
  return hash.digest('hex');
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => resolve({ code, output }));
  });
}
