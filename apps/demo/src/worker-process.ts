import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from './worker-messages.js';

const WORKER_ENTRY = fileURLToPath(new URL('./worker.js', import.meta.url));

type MessageOf<Type extends FromWorker['type']> = Extract<FromWorker, { readonly type: Type }>;

/** One worker, as the demo sees it from outside: a process that can be told things, stopped and continued. */
export class WorkerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #messages = new EventEmitter();
  readonly #exited: Promise<unknown>;

  constructor(name: string, environment: Readonly<Record<string, string>>) {
    this.name = name;
    this.#child = fork(WORKER_ENTRY, [name], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: ['--enable-source-maps'],
      detached: true,
    });
    this.#exited = once(this.#child, 'exit');
    // The worker sends nothing but FromWorker.
    this.#child.on('message', (message) => this.#messages.emit((message as FromWorker).type, message));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`worker ${this.name} did not start`);
    return this.#child.pid;
  }

  on<Type extends FromWorker['type']>(type: Type, take: (message: MessageOf<Type>) => void): void {
    this.#messages.on(type, take);
  }

  /** The next message of a type. @throws Error when the worker ends first */
  async next<Type extends FromWorker['type']>(type: Type): Promise<MessageOf<Type>> {
    const message = new Promise<MessageOf<Type>>((resolve) => {
      this.#messages.once(type, (value: MessageOf<Type>) => resolve(value));
    });
    const ended = this.#exited.then(() => {
      throw new Error(`worker ${this.name} ended before it said "${type}"`);
    });
    return Promise.race([message, ended]);
  }

  send(message: ToWorker): void {
    this.#child.send(message);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.pid, signal);
  }

  /** SIGKILL ends a stopped process, too. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
