// The compose stack, really run: a lock and a key from outside, the leader's container killed, everything taken down and brought up
// again with its data. Needs a Docker engine; says that it skipped when there is none. Run by `npm run test:compose`.
//
//   node test/cluster/compose.mjs [--keep]        --keep: leave the stack running
import { execFileSync, spawnSync } from 'node:child_process';
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SDK = new URL('../../dist/sdk/apps/sdk/src/index.js', import.meta.url);
const PROJECT = 'latchkey-compose-test';
/** Beside those of a running `npm start` or `docker compose up`. */
const PORTS = { n1: 17_391, n2: 17_392, n3: 17_393 };
const READY_LIMIT_MS = 180_000;
const POLL_MS = 250;
/** While the containers start, the engine's proxy takes connections that nobody answers. */
const ANSWER_LIMIT_MS = 3_000;
const SESSION_TTL_MS = 10_000;
const KEY = 'compose/greeting';
const LOCK = 'compose/job';

const environment = {
  ...process.env,
  LATCHKEY_N1_PORT: String(PORTS.n1),
  LATCHKEY_N2_PORT: String(PORTS.n2),
  LATCHKEY_N3_PORT: String(PORTS.n3),
};
const endpoints = Object.values(PORTS).map((port) => `http://127.0.0.1:${port}`);

function say(text) {
  process.stdout.write(`compose: ${text}\n`);
}

function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Version 2 is a command of docker, version 1 a program of its own. Null: neither. */
function composeCommand() {
  if (succeeds('docker', ['compose', 'version'])) return ['docker', 'compose'];
  if (succeeds('docker-compose', ['version'])) return ['docker-compose'];
  return null;
}

function whySkipped(compose) {
  if (!succeeds('docker', ['info'])) return 'no docker engine';
  if (compose === null) return 'no docker compose';
  return null;
}

function run(words, options = {}) {
  const [command, ...args] = words;
  return execFileSync(command, args, {
    cwd: ROOT,
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
}

async function until(what, condition) {
  const deadline = performance.now() + READY_LIMIT_MS;
  while (!(await condition().catch(() => false))) {
    assert(performance.now() < deadline, `${what}: not within ${READY_LIMIT_MS / 1_000} s`);
    await delay(POLL_MS);
  }
}

async function ask(path, endpoint) {
  const answer = await fetch(`${endpoint}${path}`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  return { ok: answer.ok, body: await answer.json() };
}

async function allReady() {
  const answers = await Promise.all(endpoints.map((endpoint) => ask('/readyz', endpoint)));
  return answers.every((answer) => answer.ok);
}

async function leaderId() {
  return (await ask('/v1/status', endpoints[0])).body.leaderId;
}

function checkHardening(container) {
  const [{ Config, HostConfig, State }] = JSON.parse(run(['docker', 'inspect', container]));
  assert.equal(Config.User, 'node');
  assert.equal(HostConfig.ReadonlyRootfs, true);
  assert.deepEqual(HostConfig.CapDrop, ['ALL']);
  assert(HostConfig.SecurityOpt.some((option) => option.startsWith('no-new-privileges')));
  assert(State.Health, 'the image has no health check');
  const written = spawnSync('docker', ['exec', container, 'sh', '-c', 'echo x > /app/x'], { stdio: 'ignore' });
  assert.notEqual(written.status, 0, 'a node can write into its own program');
}

async function connectFromOutside() {
  const { connect } = await import(SDK);
  return connect({ endpoints, sessionTtlMs: SESSION_TTL_MS });
}

/** A lock that is held while the leader's container is killed. Answers the newest fencing token. */
async function surviveKilledLeader(composeRun) {
  const latchkey = await connectFromOutside();
  try {
    const lock = await latchkey.lock(LOCK).acquire({ owner: { test: 'compose' } });
    await latchkey.kv.put(KEY, 'before');
    say(`lock ${LOCK} taken from outside, fencing token ${lock.fencingToken}`);
    const leader = await leaderId();
    run(['docker', 'kill', '--signal', 'KILL', composeRun('ps', '-q', leader).trim()]);
    const killedAt = performance.now();
    await latchkey.kv.put(KEY, 'after');
    say(
      `killed ${leader}'s container; the next write was acknowledged ${Math.round(performance.now() - killedAt)} ms later`,
    );
    lock.assertHeld();
    await lock.release();
    const next = await latchkey.lock(LOCK).acquire({ waitMs: SESSION_TTL_MS });
    assert(next.fencingToken > lock.fencingToken, 'the fencing token did not grow');
    await next.release();
    return next.fencingToken;
  } finally {
    await latchkey.close();
  }
}

async function checkDataIsKept(token) {
  const latchkey = await connectFromOutside();
  try {
    assert.equal((await latchkey.kv.get(KEY))?.text(), 'after');
    const lock = await latchkey.lock(LOCK).acquire({ waitMs: SESSION_TTL_MS });
    assert(lock.fencingToken > token, 'a fencing token was given out twice');
    await lock.release();
  } finally {
    await latchkey.close();
  }
}

async function main() {
  const compose = composeCommand();
  const reason = whySkipped(compose);
  if (reason !== null) return say(`skipped: ${reason}`);
  assert(existsSync(SDK), 'the SDK is not built; run "npm run build"');
  const composeRun = (...args) => run([...compose, '--project-name', PROJECT, ...args]);
  try {
    say(`building and starting (${compose.join(' ')})`);
    composeRun('up', '-d', '--build');
    await until('all nodes ready', allReady);
    for (const node of Object.keys(PORTS)) checkHardening(composeRun('ps', '-q', node).trim());
    say('three nodes ready, as an ordinary user on a read-only file system without capabilities');
    const token = await surviveKilledLeader(composeRun);
    composeRun('up', '-d');
    await until('the killed node back', allReady);
    say('the killed node is back');
    composeRun('down');
    composeRun('up', '-d');
    await until('all nodes ready again', allReady);
    await checkDataIsKept(token);
    say('after down and up the data is there, and fencing tokens go on growing');
    say('passed');
  } catch (error) {
    spawnSync(compose[0], [...compose.slice(1), '--project-name', PROJECT, 'logs', '--tail', '40'], {
      cwd: ROOT,
      env: environment,
      stdio: 'inherit',
    });
    throw error;
  } finally {
    if (!process.argv.includes('--keep')) composeRun('down', '-v', '--remove-orphans');
  }
}

// A broken-off fetch alone does not keep Node from ending.
const keepAlive = setInterval(() => undefined, POLL_MS);
try {
  await main();
} finally {
  clearInterval(keepAlive);
}
