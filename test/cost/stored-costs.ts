import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('./stored-costs.json', import.meta.url));
const DECIMALS = 2;

export type StoredCosts = {
  /** Node and processor, for whoever wonders why another machine differs. */
  readonly measuredWith: string;
  /** By path, in runs of the reference loop. */
  readonly costs: Readonly<Record<string, number>>;
};

/** As `storeCosts` has written it. */
export const readStoredCosts = (): StoredCosts => JSON.parse(readFileSync(FILE, 'utf8')) as StoredCosts;

export function storeCosts(costs: ReadonlyMap<string, number>): void {
  const rounded = [...costs].map(([path, cost]) => [path, Number(cost.toFixed(DECIMALS))] as const);
  const stored: StoredCosts = { measuredWith: machine(), costs: Object.fromEntries(rounded) };
  writeFileSync(FILE, `${JSON.stringify(stored, null, 2)}\n`);
}

export const machine = (): string => `Node ${process.versions.node}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}`;
