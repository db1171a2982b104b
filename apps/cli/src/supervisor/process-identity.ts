import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A process that is certainly the one that was meant: process ids are used again, so a pid alone could name an innocent
 * stranger by the time somebody wants to stop it.
 */
export type ProcessIdentity = {
  readonly pid: number;
  /** When it started, in the system's own words; only ever compared. */
  readonly startTime: string;
};

const HAS_PROC = readOrNull('/proc/self/stat') !== null;
const POLL_MS = 25;

/** Position of `starttime` in /proc/<pid>/stat behind the command name, which may itself contain spaces and brackets. */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

/** Null when no such process runs. One that has ended but was not yet waited for by its parent does not run. */
export function identityOf(pid: number): ProcessIdentity | null {
  const startTime = HAS_PROC ? startTimeFromProc(pid) : startTimeFromPs(pid);
  return startTime === null ? null : { pid, startTime };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTime === identity.startTime;
}

function startTimeFromProc(pid: number): string | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[START_TIME_FIELD];
  if (fields[STATE_FIELD] === 'Z' || startTime === undefined) return null;
  // Ticks since boot: the boot itself has to be named, too.
  return `${readOrNull('/proc/sys/kernel/random/boot_id')?.trim() ?? ''}/${startTime}`;
}

function startTimeFromPs(pid: number): string | null {
  try {
    const [state, ...start] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return state === undefined || state.startsWith('Z') ? null : start.join(' ');
  } catch {
    return null;
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Sends a signal; a process that is already gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

export type StopSteps = {
  readonly first: NodeJS.Signals;
  readonly graceMs: number;
  /** Sent when the grace has passed. */
  readonly last: NodeJS.Signals;
};

/** Stops a process that is not our child. True when it is gone at the end. */
export async function stopProcess(identity: ProcessIdentity, steps: StopSteps): Promise<boolean> {
  if (!isRunning(identity)) return true;
  signalProcess(identity.pid, steps.first);
  if (await endedWithin(identity, steps.graceMs)) return true;
  signalProcess(identity.pid, steps.last);
  return endedWithin(identity, steps.graceMs);
}

async function endedWithin(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (isRunning(identity)) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}
