/** What can be measured, its unit for people, and which way is better. */
export const QUANTITIES = {
  perSecond: { label: 'per second', unit: '/s', better: 'higher', digits: 0 },
  p50Ms: { label: 'p50', unit: 'ms', better: 'lower', digits: 2 },
  p99Ms: { label: 'p99', unit: 'ms', better: 'lower', digits: 2 },
  serverCpuMicros: { label: 'CPU of all servers per operation', unit: 'µs', better: 'lower', digits: 0 },
  clientCpuMicros: { label: 'CPU of the client per operation', unit: 'µs', better: 'lower', digits: 0 },
  oldestPercent: { label: 'went to the oldest waiter', unit: '%', better: 'higher', digits: 1 },
  longestWaitMs: { label: 'longest wait', unit: 'ms', better: 'lower', digits: 0 },
  deliveredPercent: { label: 'changes delivered', unit: '%', better: 'higher', digits: 1 },
  gapMs: { label: 'longest gap without a write', unit: 'ms', better: 'lower', digits: 0 },
  failedWrites: { label: 'writes that failed, per round', unit: '', better: 'lower', digits: 1 },
  restartMs: { label: 'until the first read', unit: 'ms', better: 'lower', digits: 0 },
  memoryMiB: { label: 'memory of all servers', unit: 'MiB', better: 'lower', digits: 0 },
  cpuPercent: { label: 'CPU of all servers, of one core', unit: '%', better: 'lower', digits: 2 },
} as const satisfies Record<string, QuantityShape>;

type QuantityShape = {
  readonly label: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly digits: number;
};

export type Quantity = keyof typeof QUANTITIES;

/** One measured value. The same workload and quantity may come several times: once per run, or once per round of a run. */
export type Sample = { readonly workload: string; readonly quantity: Quantity; readonly value: number };

const groupedFormats = new Map<number, Intl.NumberFormat>();

/** With thousands grouped, and without a unit. */
export function formatValue(quantity: Quantity, value: number): string {
  const { digits } = QUANTITIES[quantity];
  const format =
    groupedFormats.get(digits) ??
    new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  groupedFormats.set(digits, format);
  return format.format(value);
}
