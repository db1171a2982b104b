import { readdirSync, readFileSync } from 'node:fs';

const PARENT_FIELD = 1;
const GONE_LIMIT_MS = 10_000;
const GONE_POLL_MS = 5;

/**
 * Kills a process and its children with SIGKILL, all within a moment, and waits until none of them is left: a Postgres
 * cannot start again on its data before the last backend of the killed one has gone.
 * @throws Error when one stays
 */
export async function killTree(pid: number): Promise<void> {
  const doomed = [pid, ...childrenOf(pid)];
  // The parent first: while it lives it would start children anew.
  for (const each of doomed) kill(each);
  const deadlineMs = performance.now() + GONE_LIMIT_MS;
  while (doomed.some(isAlive)) {
    if (performance.now() > deadlineMs) throw new Error(`a process of ${doomed.join(', ')} survives SIGKILL`);
    await new Promise((resolve) => setTimeout(resolve, GONE_POLL_MS));
  }
}

/** From /proc; a Postgres has children, but no grandchildren. */
export function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => Number(statFields(pid)?.[PARENT_FIELD]) === parent);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function isAlive(pid: number): boolean {
  const state = statFields(pid)?.[0];
  return state !== undefined && state !== 'Z';
}

/** Of /proc/<pid>/stat, from the state on. The command name before it, in parentheses, may contain anything. */
function statFields(pid: number): readonly string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
