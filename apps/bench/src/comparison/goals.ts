import type { SystemName } from '../peers/system.js';
import type { ResultRow } from './comparison-results.js';
import { QUANTITIES, formatValue, type Quantity } from './quantity.js';
import { OURS, advantageOver } from './verdict.js';
import { WORKLOAD_NAMES as NAMES } from './workload-names.js';

/** What Latchkey is to reach in one run: an advantage over a peer, or (without a peer) a median of its own. */
export type Goal = {
  readonly workload: string;
  readonly quantity: Quantity;
} & (
  | { readonly against: SystemName; readonly advantage: number }
  | { readonly atMost: number }
  | { readonly atLeast: number }
);

const against = (
  workload: string,
  quantity: Quantity,
  advantages: Partial<Record<SystemName, number>>,
): readonly Goal[] =>
  Object.entries(advantages).map(([name, advantage]) => {
    // Its keys are the names that the parameter's type allows.
    return { workload, quantity, against: name as SystemName, advantage };
  });

/** As the project has set them. The factors are advantages: 2 = half the time, or twice the rate. */
export const GOALS: readonly Goal[] = [
  ...against(NAMES.load('put', 1), 'p50Ms', { zookeeper: 1, nats: 1, etcd: 1 / 0.45 }),
  ...against(NAMES.load('put', 64), 'perSecond', { nats: 2.5, zookeeper: 3, etcd: 8 }),
  ...against(NAMES.load('put', 512), 'perSecond', { nats: 3.5, zookeeper: 4, etcd: 10 }),
  ...against(NAMES.load('put', 64), 'serverCpuMicros', { nats: 1 / 0.6, etcd: 1 / 0.2 }),
  ...against(NAMES.load('get', 1), 'p50Ms', { etcd: 1 / 0.5, zookeeper: 1 / 0.7 }),
  ...against(NAMES.load('get', 64), 'perSecond', { nats: 4, etcd: 12 }),
  ...against(NAMES.load('get', 512), 'perSecond', { nats: 6, etcd: 12 }),
  ...against(NAMES.load('lock and unlock', 1), 'perSecond', { redlock: 0.9, zookeeper: 1.8, etcd: 3 }),
  ...against(NAMES.load('lock and unlock', 64), 'perSecond', { redlock: 1.3, zookeeper: 6, etcd: 9 }),
  ...against(NAMES.contended, 'perSecond', { zookeeper: 2.5 }),
  { workload: NAMES.contended, quantity: 'oldestPercent', atLeast: 99.9 },
  { workload: NAMES.contended, quantity: 'longestWaitMs', atMost: 60 },
  ...against(NAMES.watch(100, 'own'), 'p50Ms', { redis: 1 }),
  { workload: NAMES.watch(100, 'own'), quantity: 'p99Ms', atMost: 15 },
  ...against(NAMES.watchCeiling, 'perSecond', { nats: 2, etcd: 3 }),
  { workload: NAMES.leaderKilled, quantity: 'gapMs', atMost: 150 },
  { workload: NAMES.leaderKilled, quantity: 'failedWrites', atMost: 0 },
  ...against(NAMES.leaderKilled, 'gapMs', { zookeeper: 8, etcd: 16 }),
  { workload: NAMES.leaderHung, quantity: 'gapMs', atMost: 1_000 },
];

export type GoalOutcome = { readonly goal: Goal; readonly reached: boolean; readonly measured: number };

/** Goals that were not measured have no outcome. */
export function goalOutcomes(rows: readonly ResultRow[], goals: readonly Goal[] = GOALS): readonly GoalOutcome[] {
  return goals.flatMap((goal) => {
    const row = rows.find(({ workload, quantity }) => workload === goal.workload && quantity === goal.quantity);
    const measured = row === undefined ? null : measuredFor(goal, row);
    return measured === null ? [] : [{ goal, measured, reached: isReached(goal, measured) }];
  });
}

function measuredFor(goal: Goal, row: ResultRow): number | null {
  return 'against' in goal ? advantageOver(goal.against, row) : (row.bySystem.get(OURS)?.median ?? null);
}

function isReached(goal: Goal, measured: number): boolean {
  if ('against' in goal) return measured >= goal.advantage;
  return 'atMost' in goal ? measured <= goal.atMost : measured >= goal.atLeast;
}

/** `put, 64 in flight, per second: 2.41 times as good as nats, goal 2.50` */
export function describeGoal({ goal, measured }: GoalOutcome): string {
  const { label, unit } = QUANTITIES[goal.quantity];
  const what = `${goal.workload}, ${label}`;
  if ('against' in goal) {
    return `${what}: ${measured.toFixed(2)} times as good as ${goal.against}, goal ${goal.advantage.toFixed(2)}`;
  }
  const limit = 'atMost' in goal ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`;
  return `${what}: ${formatValue(goal.quantity, measured)} ${unit}`.trimEnd() + `, goal ${limit}`;
}
