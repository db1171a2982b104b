import type { StateMachine } from '@latchkey/state-machine';

type Moment = { readonly revision: number; readonly index: number };
type Hold = {
  readonly name: string;
  readonly lease: string;
  readonly token: number;
  readonly from: Moment;
  until: Moment | null;
};

/** `TestMachine` proposes entry i at this time plus i. */
const FIRST_WALL_CLOCK_MS = 1_700_000_000_000;

/** Who held which lock, seen by looking after every entry. */
export class HoldHistory {
  private readonly holds: Hold[] = [];

  constructor(private readonly machine: StateMachine) {}

  /** After an entry that wrote one revision at most. */
  follow(): void {
    const now = { revision: this.machine.revision, index: this.machine.lastApplied };
    const names = this.machine.queueNames('locks', '');
    const held = names.flatMap((name) => {
      const holder = this.machine.queue('locks', name)[0];
      return holder === undefined ? [] : [{ name, lease: holder.leaseId, token: holder.record.createRevision }];
    });
    for (const hold of this.holds) {
      if (hold.until === null && !held.some((other) => isSame(hold, other))) hold.until = now;
    }
    for (const { name, lease, token } of held) {
      if (this.holds.some((other) => isSame(other, { name, token }))) continue;
      this.holds.push({ name, lease, token, from: now, until: null });
    }
  }

  /** What rows of `lock_history` say that was not so, or do not say. */
  mistakesIn(rows: readonly Record<string, unknown>[]): string[] {
    const compacted = this.machine.compactRevision;
    const expected = this.holds.filter(({ until }) => until === null || until.revision > compacted);
    const mistakes = expected
      .filter((hold) => !rows.some((row) => row['name'] === hold.name && Number(row['fencing_token']) === hold.token))
      .map((hold) => `missing: ${JSON.stringify(hold)}`);
    for (const row of rows) {
      const hold = expected.find((each) =>
        isSame(each, { name: String(row['name']), token: Number(row['fencing_token']) }),
      );
      if (hold === undefined || !this.fits(hold, row))
        mistakes.push(`${JSON.stringify(row)} is ${JSON.stringify(hold)}`);
    }
    return mistakes;
  }

  private fits(hold: Hold, row: Record<string, unknown>): boolean {
    const compacted = this.machine.compactRevision;
    const isExact = row['start_is_exact'] === true;
    const start = Number(row['held_from_revision']);
    const startFits = isExact
      ? start === hold.from.revision && isAt(row['held_from'], hold.from)
      : start <= hold.from.revision && hold.from.revision <= compacted;
    const until = row['held_until_revision'];
    const endFits =
      hold.until === null
        ? until === null && row['held_until'] === null
        : Number(until) === hold.until.revision && isAt(row['held_until'], hold.until);
    return startFits && endFits && row['lease'] === hold.lease;
  }
}

const isSame = (one: Pick<Hold, 'name' | 'token'>, other: Pick<Hold, 'name' | 'token'>): boolean =>
  one.name === other.name && one.token === other.token;

const isAt = (time: unknown, { index }: Moment): boolean =>
  time instanceof Date && time.getTime() === FIRST_WALL_CLOCK_MS + index;
