import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { REFERENCE, type SampleAnswer, type SampleRequest } from './sample-messages.js';

const ENTRY = fileURLToPath(new URL('../../tools/costs.mjs', import.meta.url));
/** V8 collects and compiles in the thread that runs: what it does meanwhile does not depend on how busy other cores are. */
const V8_FLAGS = ['--single-threaded'];

/**
 * A process that carries out one path, or the reference, and says what CPU time it took. A process each: neither memory nor
 * compiled code of the one changes what the other costs. They run the sources as they are, not as vitest rewrites them, where each
 * use of an import is a property.
 */
export class Sampler {
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(name: string): Promise<Sampler> {
    const sampler = new Sampler(name, fork(ENTRY, ['--sample', name], { execArgv: V8_FLAGS }));
    await sampler.answer();
    return sampler;
  }

  static startReference(): Promise<Sampler> {
    return Sampler.start(REFERENCE);
  }

  /** Resolves when more runs would hardly make it faster. */
  async warmUp(): Promise<void> {
    await this.ask({ type: 'warmUp' });
  }

  /** CPU milliseconds of `runs` runs, one after the other. */
  async sample(runs: number): Promise<number> {
    const { cpuMs } = await this.ask({ type: 'sample', runs });
    return cpuMs;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    await exited;
  }

  private ask(request: SampleRequest): Promise<SampleAnswer> {
    const answer = this.answer();
    this.child.send(request);
    return answer;
  }

  /** @throws when the process ends instead */
  private async answer(): Promise<SampleAnswer> {
    const ended = new AbortController();
    const onExit = () => ended.abort();
    this.child.once('exit', onExit);
    try {
      // What the child sends, it sends by this type.
      const [answer] = (await once(this.child, 'message', { signal: ended.signal })) as [SampleAnswer];
      return answer;
    } catch (cause) {
      throw new Error(`the process that measures ${this.name} has ended`, { cause });
    } finally {
      this.child.off('exit', onExit);
    }
  }
}
