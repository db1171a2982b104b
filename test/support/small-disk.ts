import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FILLER = 'filler';
/** First in large steps, then until nothing at all fits in any more. */
const FILL_STEPS_BYTES = [1024 * 1024, 4096];

/** A file system in memory that can be full. Needs the right to mount: Linux, and root, or sudo without a password. */
export class SmallDisk implements AsyncDisposable {
  private constructor(readonly directory: string) {}

  /** @returns why there can be none here, in words for a person */
  static async mount(sizeBytes: number): Promise<SmallDisk | { readonly missing: string }> {
    const directory = await mkdtemp(join(tmpdir(), 'latchkey-small-disk-'));
    try {
      const owner = `uid=${process.getuid?.()},gid=${process.getgid?.()}`;
      await asRoot('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=755,${owner}`, 'tmpfs', directory]);
      return new SmallDisk(directory);
    } catch (error) {
      await rm(directory, { recursive: true });
      const message = error instanceof Error ? error.message : String(error);
      return { missing: `a small file system cannot be mounted here: ${message.replaceAll(/\s+/g, ' ')}` };
    }
  }

  /** Leaves not one free page. */
  async fill(): Promise<void> {
    const file = await open(join(this.directory, FILLER), 'a');
    try {
      for (const stepBytes of FILL_STEPS_BYTES) await appendUntilFull(() => file.appendFile(Buffer.alloc(stepBytes)));
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(join(this.directory, FILLER), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazy: a process of the server may need a moment to end.
    await asRoot('umount', ['--lazy', this.directory]);
    await rm(this.directory, { recursive: true });
  }
}

function asRoot(command: string, args: readonly string[]): Promise<unknown> {
  return process.getuid?.() === 0 ? run(command, [...args]) : run('sudo', ['-n', command, ...args]);
}

async function appendUntilFull(append: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await append();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
      throw error;
    }
  }
}
