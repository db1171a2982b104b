import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CliError, failure, messageOf } from '../cli-error.js';
import { EXIT_CODE } from '../exit-code.js';

/** Beside the server's own entry. */
const RESTORE_ENTRY = './backup/restore-main.js';
const WRONG_SETTING_EXIT_CODE = 2;
const PREFIX = /^latchkey: /;

export type RestoreTarget = {
  readonly nodeId: string;
  readonly clusterId: string;
  /** `n1=http://host:7401,n2=…` */
  readonly peers: string;
  readonly databaseUrl: string;
};

/** As the server's process prints it. */
export type RestoredNode = {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly revision: number;
  readonly rowCount: number;
  readonly digest: string;
};

/**
 * Writes a backup into the database of one node. The server's code does it, in a process of its own: the adapters of the
 * database are there. The URL goes by the environment, where other users of the machine do not see its password.
 * @throws CliError with the reason; the database is as it was then
 */
export async function restoreOneNode(
  file: string,
  { nodeId, clusterId, peers, databaseUrl }: RestoreTarget,
  { serverEntry, signal }: { readonly serverEntry: string; readonly signal: AbortSignal },
): Promise<RestoredNode> {
  const entry = fileURLToPath(new URL(RESTORE_ENTRY, pathToFileURL(serverEntry)));
  if (!existsSync(entry)) throw failure(`the server is not built (no ${entry}); run "npm run build"`);
  const { code, stdout, stderr } = await runToEnd(entry, [file], {
    signal,
    environment: {
      PATH: process.env['PATH'],
      LATCHKEY_NODE_ID: nodeId,
      LATCHKEY_CLUSTER_ID: clusterId,
      LATCHKEY_PEERS: peers,
      LATCHKEY_DATABASE_URL: databaseUrl,
    },
  });
  if (signal.aborted) throw failure('interrupted; nothing was restored');
  if (code === 0) return JSON.parse(stdout) as RestoredNode;
  const reason = stderr.trim().replace(PREFIX, '');
  const exitCode = code === WRONG_SETTING_EXIT_CODE ? EXIT_CODE.usage : EXIT_CODE.failure;
  throw new CliError(exitCode, `node ${nodeId} was not restored: ${reason === '' ? `exit code ${code}` : reason}`);
}

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

function runToEnd(
  entry: string,
  args: readonly string[],
  { environment, signal }: { readonly environment: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', entry, ...args], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stop = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', (error) => reject(failure(`cannot start ${process.execPath}: ${messageOf(error)}`)));
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve({ code, stdout, stderr });
    });
    if (signal.aborted) stop();
  });
}
