import { statfs } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** Linux's number for a file system that is only memory (linux/magic.h). */
const TMPFS_MAGIC = 0x0102_1994;

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** How many processes wanted to run in the minute before; near 0 on a quiet machine. */
  readonly loadBefore: number;
};

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}

/** Durability costs nothing there, so nothing measured there says anything. */
export async function isMemoryFolder(path: string): Promise<boolean> {
  return (await statfs(path)).type === TMPFS_MAGIC;
}
