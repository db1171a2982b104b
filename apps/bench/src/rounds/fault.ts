import type { ProcessCluster } from '../cluster/process-cluster.js';
import { pause } from '../cluster/poll.js';
import type { SeededRandom } from './seeded-random.js';

/** What a round kills: a node, a node's Postgres, or all six at once. */
export type Fault =
  | { readonly kind: 'node' | 'postgres'; readonly id: string; readonly afterMs: number; readonly downMs: number }
  | { readonly kind: 'everything'; readonly afterMs: number };

const KINDS = ['node', 'postgres', 'everything'] as const;
/** Into the load, so that a kill meets it at any point of a group commit or a checkpoint. */
const AFTER_MS_MAX = 500;
/** Short outages are caught up from the log, and long ones meet an election and a full reconnect. */
const DOWN_MS_MAX = 2_000;

/** Every three rounds have one of each kind, in an order by chance. */
export function planFaults(rounds: number, ids: readonly string[], random: SeededRandom): readonly Fault[] {
  const faults: Fault[] = [];
  while (faults.length < rounds) {
    for (const kind of random.shuffled(KINDS)) {
      const [id, afterMs, downMs] = [random.pick(ids), random.below(AFTER_MS_MAX), random.below(DOWN_MS_MAX)];
      faults.push(kind === 'everything' ? { kind, afterMs } : { kind, id, afterMs, downMs });
    }
  }
  return faults.slice(0, rounds);
}

/** Kills, waits as the fault says, and starts again. Resolves when the processes run, not when they are ready. */
export async function strike(cluster: ProcessCluster, fault: Fault): Promise<{ readonly killedAtMs: number }> {
  await pause(fault.afterMs);
  const killedAtMs = performance.now();
  if (fault.kind === 'everything') {
    await cluster.killEverything();
    await cluster.startEverything();
    return { killedAtMs };
  }
  const member = cluster.member(fault.id);
  await (fault.kind === 'node' ? member.endNode('SIGKILL') : member.killPostgres());
  await pause(fault.downMs);
  if (fault.kind === 'node') member.startNode();
  else await member.startPostgres();
  return { killedAtMs };
}

export function describeFault(fault: Fault): string {
  if (fault.kind === 'everything') return 'everything';
  return fault.kind === 'node' ? fault.id : `postgres of ${fault.id}`;
}
