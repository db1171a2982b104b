import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DEMO } from './config.js';
import { freePortRange } from './free-ports.js';

/** dist/demo/apps/demo/src → dist/cli/apps/cli/src. */
const CLI_ENTRY = fileURLToPath(new URL('../../../../cli/apps/cli/src/main.js', import.meta.url));

/** Runs a `latchkey` command beside the demo. It ends with the demo, however that ends: its stdin closes. */
class CliProgram {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [CLI_ENTRY, ...args, '--json'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // Ctrl-C is for the demo, which then stops this in order.
      detached: true,
    });
    this.#child.on('error', () => undefined);
    if (this.#child.stdout === null) throw new Error('a child without stdout');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error when the program ends first; it has said why on stderr. */
  async nextLine(): Promise<Readonly<Record<string, unknown>>> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('a program that the demo needs did not start');
    // Written by our own command line, one object per line.
    return JSON.parse(line.value) as Readonly<Record<string, unknown>>;
  }

  /** Reads on, so that the program never waits for a full pipe. */
  async drain(take: (event: Readonly<Record<string, unknown>>) => void): Promise<void> {
    try {
      for (;;) take(await this.nextLine());
    } catch {
      // It has ended.
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}

/** The demo's own three nodes, on their own ports and data. */
export class DemoCluster {
  readonly #program: CliProgram;
  readonly endpoints: readonly string[];
  readonly tookMs: number;

  private constructor(program: CliProgram, endpoints: readonly string[], tookMs: number) {
    this.#program = program;
    this.endpoints = endpoints;
    this.tookMs = tookMs;
  }

  static async start(onNote: (note: string) => void): Promise<DemoCluster> {
    const firstPort = await freePortRange(DEMO.nodes * 2, DEMO.firstPort);
    const place = ['--data', DEMO.dataDirectory, '--nodes', String(DEMO.nodes)];
    const ports = ['--client-port', String(firstPort), '--peer-port', String(firstPort + DEMO.nodes)];
    const program = new CliProgram(['up', '--fresh', '--stop-with-stdin', ...place, ...ports]);
    for (;;) {
      const event = await program.nextLine();
      if (event['event'] !== 'ready') continue;
      void program.drain((later) => {
        if (later['event'] === 'died')
          onNote(`"latchkey up" noticed that ${String(later['node'])} died, and starts it again`);
      });
      const endpoints = Array.from({ length: DEMO.nodes }, (_, at) => `http://127.0.0.1:${firstPort + at}`);
      return new DemoCluster(program, endpoints, Number(event['tookMs']));
    }
  }

  /** The process id that `up` has written down for a node. */
  pidOf(nodeId: string): number {
    // The file's shape is docs/cli.md's; a wrong one fails below.
    const state = JSON.parse(readFileSync(join(DEMO.dataDirectory, 'cluster.json'), 'utf8')) as {
      readonly nodes: readonly { readonly id: string; readonly process: { readonly pid: number } | null }[];
    };
    const pid = state.nodes.find((node) => node.id === nodeId)?.process?.pid;
    if (pid === undefined) throw new Error(`cluster.json names no process of ${nodeId}`);
    return pid;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}

/** The database of the orders: one more embedded Postgres, with nothing of Latchkey in it. */
export class OrdersDatabase {
  readonly #program: CliProgram;
  readonly url: string;

  private constructor(program: CliProgram, url: string) {
    this.#program = program;
    this.url = url;
  }

  static async start(): Promise<OrdersDatabase> {
    const program = new CliProgram(['postgres', '--data', `${DEMO.dataDirectory}-orders`]);
    const { url } = await program.nextLine();
    return new OrdersDatabase(program, String(url));
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
