import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { identityOf, isRunning, stopProcess, type ProcessIdentity } from './process-identity.js';

const LONG_GRACE_MS = 5_000;
const SHORT_GRACE_MS = 100;
const READY = 'ready';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function startProcess(script: string): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const child = spawn(process.execPath, ['-e', `${script}; console.log('${READY}'); setInterval(() => {}, 1000)`]);
  children.push(child);
  await once(child.stdout, 'data');
  const identity = identityOf(child.pid ?? 0);
  if (identity === null) throw new Error('the child does not run');
  return { child, identity };
}

describe('identity of a process', () => {
  it('is the same at every look while the process runs, and none afterwards', async () => {
    const { child, identity } = await startProcess('');
    expect(identityOf(identity.pid)).toEqual(identity);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(identityOf(identity.pid)).toBeNull();
    expect(isRunning(identity)).toBe(false);
  });

  it('does not take another process with the same pid for it', async () => {
    const { identity } = await startProcess('');
    expect(isRunning({ ...identity, startTime: 'long ago' })).toBe(false);
  });
});

describe('stopping a process that is no child', () => {
  it('needs only the first signal when the process obeys it', async () => {
    const { child, identity } = await startProcess('');
    const exited = once(child, 'exit');
    expect(await stopProcess(identity, { first: 'SIGTERM', graceMs: LONG_GRACE_MS, last: 'SIGKILL' })).toBe(true);
    expect(await exited).toEqual([null, 'SIGTERM']);
  });

  it('sends the second one to a process that ignores the first', async () => {
    const { child, identity } = await startProcess(`process.on('SIGTERM', () => {})`);
    const exited = once(child, 'exit');
    expect(await stopProcess(identity, { first: 'SIGTERM', graceMs: SHORT_GRACE_MS, last: 'SIGKILL' })).toBe(true);
    expect(await exited).toEqual([null, 'SIGKILL']);
  });

  it('leaves a stranger alone who has got the pid meanwhile', async () => {
    const { identity } = await startProcess('');
    const steps = { first: 'SIGTERM', graceMs: SHORT_GRACE_MS, last: 'SIGKILL' } as const;
    expect(await stopProcess({ ...identity, startTime: 'long ago' }, steps)).toBe(true);
    expect(isRunning(identity)).toBe(true);
  });
});
