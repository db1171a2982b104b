import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLI_ENTRY = fileURLToPath(new URL('../../apps/cli/bin/latchkey.mjs', import.meta.url));

export type CliEnd = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs the built command line to its end. */
export async function runCli(endpoints: readonly string[], args: readonly string[]): Promise<CliEnd> {
  const child = spawn(process.execPath, [CLI_ENTRY, ...args], {
    env: { ...process.env, LATCHKEY_ENDPOINTS: endpoints.join(',') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
