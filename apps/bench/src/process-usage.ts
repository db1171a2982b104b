import { readFile } from 'node:fs/promises';

/** Linux counts CPU time of a process in these ticks (USER_HZ), whatever the kernel's own rate is. */
const CLOCK_TICKS_PER_SECOND = 100;

export type ProcessUsage = {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** Since the process began. */
  readonly peakRssBytes: number;
};

/** CPU time used so far and resident memory of a process, from /proc. @throws when it does not live */
export async function readProcessUsage(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  // The command name, in parentheses, may contain anything; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  const bytesOf = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  const cpuSeconds = (userTicks + systemTicks) / CLOCK_TICKS_PER_SECOND;
  return { cpuSeconds, rssBytes: bytesOf('VmRSS'), peakRssBytes: bytesOf('VmHWM') };
}
