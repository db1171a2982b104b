import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../dist/server/bundle/main.js', import.meta.url));
const MAX_STOP_MS = 5_000;
/** Mostly for the start of a process on a busy machine. An unfinished request holds a server for longer. */
const MAX_FAILED_START_MS = 20_000;

type Ended = {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  readonly stopMs: number;
};

/** Runs the built node until it ends by itself, or until it says `started` and is asked to stop. */
function runNode(variables: Readonly<Record<string, string>>): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', ...variables };
  const child = spawn(process.execPath, [MAIN], { env });
  let output = '';
  let errors = '';
  let stoppedAtMs = 0;
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (stoppedAtMs > 0 || !output.includes('"msg":"leading"')) return;
    stoppedAtMs = performance.now();
    child.kill('SIGTERM');
  });
  return new Promise((resolve) =>
    child.on('close', (code) => resolve({ code, output, errors, stopMs: performance.now() - stoppedAtMs })),
  );
}

const memory = { LATCHKEY_STORAGE: 'memory', LATCHKEY_CLIENT_PORT: '0' };

describe.skipIf(!existsSync(MAIN))('the process of a node (built by `nest build server`)', () => {
  it('says loudly that nothing survives, stops cleanly on SIGTERM, and soon', async () => {
    const { code, output, errors, stopMs } = await runNode(memory);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toContain('NOTHING SURVIVES');
    expect(stopMs).toBeLessThan(MAX_STOP_MS);
  });

  it.each([
    [{ LATCHKEY_CLIENT_PORT: 'x' }, 2, 'LATCHKEY_CLIENT_PORT'],
    [{ LATCHKEY_CLIENT_PROT: '1' }, 2, 'LATCHKEY_CLIENT_PROT'],
    [{ LATCHKEY_STORAGE: 'postgres' }, 2, 'LATCHKEY_DATABASE_URL'],
  ])('ends at %j with code %i and one line that names it', async (variables, code, name) => {
    const ended = await runNode({ ...memory, ...variables });
    expect(ended.code).toBe(code);
    expect(ended.errors).toMatch(new RegExp(`^latchkey: ${name}: [^\\n]+\\n$`));
  });

  it('ends at a taken port with code 3 and one line', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ended = await runNode({ ...memory, LATCHKEY_CLIENT_PORT: String(port) });
    taken.close();
    expect(ended.code).toBe(3);
    expect(ended.errors).toMatch(new RegExp(`^latchkey: cannot listen: [^\\n]*${port}[^\\n]*\\n$`));
  });

  it('ends at a database that is not there with code 4 and one line without the password', async () => {
    const url = 'postgres://nobody:hunter2@127.0.0.1:1/none';
    const ended = await runNode({ ...memory, LATCHKEY_STORAGE: 'postgres', LATCHKEY_DATABASE_URL: url });
    expect(ended.code).toBe(4);
    expect(ended.errors).toMatch(/^latchkey: database \(\w+\): [^\n]+\n$/);
    expect(ended.errors + ended.output).not.toContain('hunter2');
  });

  it('ends at once when its database fails while it starts, though a client has connected already', async () => {
    const port = await freePort();
    // Takes connections and says nothing. The node listens to clients before it asks its database.
    const database = createServer((nodeSocket) => {
      const client = connect(port, '127.0.0.1', () => {
        client.write('GET /v1/status HTTP/1.1\r\n', () => nodeSocket.destroy());
      });
      client.on('error', () => undefined);
      nodeSocket.on('error', () => undefined);
    });
    const databasePort = await listening(database);
    const startedAtMs = performance.now();
    const { code, errors } = await runNode({
      LATCHKEY_STORAGE: 'postgres',
      LATCHKEY_CLIENT_PORT: String(port),
      LATCHKEY_DATABASE_URL: `postgres://nobody@127.0.0.1:${databasePort}/none`,
    });
    database.close();
    expect(code).toBe(4);
    expect(errors).toMatch(/^latchkey: database \(unavailable\): [^\n]+\n$/);
    expect(performance.now() - startedAtMs).toBeLessThan(MAX_FAILED_START_MS);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  return port;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
