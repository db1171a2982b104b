/** What one figure was, and what it ought to be. */
export type Goal = {
  readonly name: string;
  readonly measured: number;
  readonly bound: 'atMost' | 'atLeast';
  readonly limit: number;
  /** Of both numbers; empty for plain ones. */
  readonly unit: string;
  readonly isMet: boolean;
};

type Judged = { readonly measured: number; readonly limit: number; readonly unit: string };

/** Collects what a measurement finds, for a person at once and for the result file at the end. */
export class ResultSheet {
  private readonly judged: Goal[] = [];
  private readonly recorded = new Map<string, unknown>();

  constructor(private readonly print: (line: string) => void = (line) => console.log(line)) {}

  get goals(): readonly Goal[] {
    return this.judged;
  }

  /** By name, what was measured without a goal. */
  get facts(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.recorded);
  }

  /** Nothing judged is nothing met: a run that was too short for its goals must not look like a good one. */
  get allMet(): boolean {
    return this.judged.length > 0 && this.judged.every(({ isMet }) => isMet);
  }

  atMost(name: string, judged: Judged): void {
    this.judge({ name, ...judged, bound: 'atMost', isMet: judged.measured <= judged.limit });
  }

  atLeast(name: string, judged: Judged): void {
    this.judge({ name, ...judged, bound: 'atLeast', isMet: judged.measured >= judged.limit });
  }

  /** Replaces what was recorded by this name before. */
  record(name: string, value: unknown): void {
    this.recorded.set(name, value);
  }

  private judge(goal: Goal): void {
    this.judged.push(goal);
    const { name, measured, bound, limit, unit, isMet } = goal;
    const sign = bound === 'atMost' ? '≤' : '≥';
    this.print(
      `${isMet ? 'goal met   ' : 'GOAL MISSED'}  ${name}: ${told(measured, unit)} (${sign} ${told(limit, unit)})`,
    );
  }
}

const told = (value: number, unit: string) => `${Number(value.toPrecision(3))} ${unit}`.trimEnd();
