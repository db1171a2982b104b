import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MemberProcess, type ProcessStart } from './member-process.js';
import type { Member } from './system.js';

export const MEMBER_COUNT = 3;

export type MemberPlan = Omit<ProcessStart, 'logFile'> & { readonly id: string };

/** Processes that are one member each, with a directory of their own, and that can be started again on it. */
export class MemberGroup {
  readonly #processes = new Map<string, MemberProcess>();

  constructor(
    private readonly directory: string,
    private readonly plans: readonly MemberPlan[],
  ) {
    for (const { id } of plans) mkdirSync(join(directory, id), { recursive: true });
  }

  /** Starts every member that does not run. */
  revive(): Promise<void> {
    for (const plan of this.plans) {
      if (this.#processes.get(plan.id)?.runs === true) continue;
      const logFile = join(this.directory, `${plan.id}.log`);
      this.#processes.set(plan.id, new MemberProcess({ ...plan, logFile }));
    }
    return Promise.resolve();
  }

  running(): readonly Member[] {
    return this.plans.flatMap(({ id }) => {
      const member = this.#processes.get(id);
      return member?.runs === true ? [{ id, pid: member.pid, otherPids: [] }] : [];
    });
  }

  /** @throws when one that was started has ended */
  assertAllRun(): void {
    for (const member of this.#processes.values()) member.assertRuns();
  }

  async halt(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((member) => member.stop()));
  }

  async kill(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((member) => member.kill()));
  }
}
