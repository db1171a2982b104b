import { readdir, readFile } from 'node:fs/promises';

/** Linux counts CPU time of a process in these ticks (USER_HZ), whatever the kernel's own rate is. */
const CLOCK_TICKS_PER_SECOND = 100;

export type ProcessStat = { readonly pid: number; readonly parentPid: number; readonly cpuTicks: number };

/**
 * One line of /proc/<pid>/stat. CPU time is the process's own and that of its children that have ended and been waited for, so
 * nothing is lost when a helper process ends, and nothing counts twice.
 */
export function parseProcessStat(line: string): ProcessStat {
  // The command name, in parentheses, may contain anything; fields are counted from behind it.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const number = (position: number) => Number(fields[position]);
  return {
    pid: Number.parseInt(line, 10),
    parentPid: number(1),
    cpuTicks: number(11) + number(12) + number(13) + number(14),
  };
}

/** Those of `all` that are one of `roots` or descend from one. */
export function treeOf(roots: readonly number[], all: readonly ProcessStat[]): readonly ProcessStat[] {
  const children = new Map<number, ProcessStat[]>();
  for (const stat of all) children.set(stat.parentPid, [...(children.get(stat.parentPid) ?? []), stat]);
  const found = new Map<number, ProcessStat>();
  const visit = (stat: ProcessStat): void => {
    if (found.has(stat.pid)) return;
    found.set(stat.pid, stat);
    for (const child of children.get(stat.pid) ?? []) visit(child);
  };
  for (const stat of all) if (roots.includes(stat.pid)) visit(stat);
  return [...found.values()];
}

/** CPU seconds so far of these processes and everything below them. */
export async function readCpuSeconds(roots: readonly number[]): Promise<number> {
  const tree = treeOf(roots, await readAllStats());
  return tree.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) / CLOCK_TICKS_PER_SECOND;
}

/** Resident memory of these processes and everything below them; a page that n of them share counts 1/n for each (PSS). */
export async function readMemoryBytes(roots: readonly number[]): Promise<number> {
  const tree = treeOf(roots, await readAllStats());
  const sizes = await Promise.all(tree.map(({ pid }) => readPssBytes(pid)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function readAllStats(): Promise<readonly ProcessStat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)));
  return lines.filter((line) => line !== null).map(parseProcessStat);
}

/** Of a process that has ended meanwhile: 0. Where PSS may not be read, the resident set with shared pages in full. */
async function readPssBytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const status = rollup === '' ? await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '') : '';
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? 0 : Number(kilobytes) * 1024;
}
