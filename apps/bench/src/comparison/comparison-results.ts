import type { SystemName } from '../peers/system.js';
import type { Quantity, Sample } from './quantity.js';
import { spreadOf, type Spread } from './spread.js';

/** One line of the table: the same thing measured on every system that can do it. */
export type ResultRow = {
  readonly workload: string;
  readonly quantity: Quantity;
  readonly bySystem: ReadonlyMap<SystemName, Spread>;
};

/** Collects what the runs measure, in the order in which workloads first report it. */
export class ComparisonResults {
  readonly #rows = new Map<string, { workload: string; quantity: Quantity; values: Map<SystemName, number[]> }>();

  add(system: SystemName, samples: readonly Sample[]): void {
    for (const { workload, quantity, value } of samples) {
      const id = `${workload}\n${quantity}`;
      const row = this.#rows.get(id) ?? { workload, quantity, values: new Map<SystemName, number[]>() };
      this.#rows.set(id, row);
      row.values.set(system, [...(row.values.get(system) ?? []), value]);
    }
  }

  rows(): readonly ResultRow[] {
    return [...this.#rows.values()].map(({ workload, quantity, values }) => ({
      workload,
      quantity,
      bySystem: new Map([...values].map(([system, all]) => [system, spreadOf(all)])),
    }));
  }
}
