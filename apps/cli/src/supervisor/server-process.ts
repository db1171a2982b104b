import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { failure } from '../cli-error.js';
import { identityOf, signalProcess, type ProcessIdentity } from './process-identity.js';

/** Beside this file's own place in the build: dist/cli/apps/cli/src/supervisor → dist/server/bundle. */
const SERVER_ENTRY = '../../../../../server/bundle/main.js';

/** @throws CliError when the server was not built. */
export function serverEntry(override: string | undefined): string {
  const path = override ?? fileURLToPath(new URL(SERVER_ENTRY, import.meta.url));
  if (!existsSync(path)) throw failure(`the server is not built (no ${path}); run "npm run build"`);
  return path;
}

export type ServerExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** One run of a node's server process, as a child of this one but in a process group of its own. */
export class ServerProcess {
  readonly identity: ProcessIdentity;
  readonly exited: Promise<ServerExit>;
  readonly #child: ChildProcess;
  #running = true;

  private constructor(child: ChildProcess, identity: ProcessIdentity) {
    this.#child = child;
    this.identity = identity;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#running = false;
        resolve({ code, signal });
      });
    });
  }

  /** @throws CliError when the process cannot be started at all. */
  static start(
    entry: string,
    environment: Readonly<Record<string, string>>,
    output: { readonly stdout: (chunk: Uint8Array) => void; readonly stderr: (chunk: Uint8Array) => void },
  ): ServerProcess {
    // A group of its own: Ctrl-C in the terminal reaches only `up`, which stops everything in order.
    const child = spawn(process.execPath, ['--enable-source-maps', entry], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    child.on('error', () => undefined);
    child.stdout.on('data', output.stdout);
    child.stderr.on('data', output.stderr);
    const identity = child.pid === undefined ? null : (identityOf(child.pid) ?? { pid: child.pid, startTime: 'ended' });
    if (identity === null) throw failure(`cannot start ${process.execPath}`);
    return new ServerProcess(child, identity);
  }

  get running(): boolean {
    return this.#running;
  }

  /** SIGTERM, and SIGKILL when that has not helped within the grace. */
  async stop(graceMs: number): Promise<ServerExit> {
    if (!this.#running) return this.exited;
    this.#child.kill('SIGTERM');
    const killTimer = setTimeout(() => this.kill(), graceMs);
    const exit = await this.exited;
    clearTimeout(killTimer);
    return exit;
  }

  kill(): void {
    if (this.#running) signalProcess(this.identity.pid, 'SIGKILL');
  }
}
