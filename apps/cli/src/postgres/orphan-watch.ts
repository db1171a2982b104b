import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import type { PostgresAccount } from './postgres-account.js';
import { serverEnvironment } from './postgres-data-directory.js';

/** Waits for the end of its input, which is the end of the process that holds the other side of the pipe. */
const SCRIPT = 'read -r _; kill -INT "$1"';

/**
 * Stops the server when this process dies without stopping it (SIGKILL, a crash): a small shell per server, which lives
 * outside our process group like the server itself. It runs as the server's account, so it could signal nobody else's.
 * @returns ends the watch
 */
export function watchOverOrphan(serverPid: number, account: PostgresAccount | null): () => void {
  // On Windows the next start on the directory finds the server.
  if (platform() === 'win32') return () => undefined;
  const watch = spawn('/bin/sh', ['-c', SCRIPT, 'latchkey-orphan-watch', String(serverPid)], {
    cwd: '/',
    detached: true,
    env: serverEnvironment(),
    stdio: ['pipe', 'ignore', 'ignore'],
    ...account,
  });
  // Without a shell there is no watch; the next start finds the server then, too.
  watch.on('error', () => undefined);
  watch.stdin?.on('error', () => undefined);
  watch.unref();
  if (watch.stdin !== null && 'unref' in watch.stdin && typeof watch.stdin.unref === 'function') watch.stdin.unref();
  return () => watch.kill('SIGKILL');
}
