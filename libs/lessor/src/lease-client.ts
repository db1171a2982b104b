import { ReplicaError, type Clock } from '@latchkey/replica';
import type { ApplyResult, LeaseChange, LeaseId } from '@latchkey/state-machine';
import { decodeAnswers, encodeQuestion, MAX_LEASES_PER_QUESTION } from './lessor-desk.js';
import type { Remaining, RenewAnswer } from './lessor.js';

export type LeaseClientOptions = {
  readonly clock: Clock;
  /** @throws ReplicaError */
  readonly askLeader: (body: Uint8Array) => Promise<Uint8Array>;
};

type Waiting = {
  readonly leaseId: LeaseId;
  readonly resolve: (answer: RenewAnswer) => void;
  readonly reject: (error: unknown) => void;
};

/** A renewal that meets an expiry on its way waits for what becomes of it, this often and this long each time. */
const MAX_ATTEMPTS_WHILE_ENDING = 50;
const ENDING_RETRY_MS = 20;
const MAX_KNOWN_LEASES = 200_000;

/** What this node knows of leases from the leader that counts them. Renewals of one turn travel together. */
export class LeaseClient {
  private gathering: Waiting[] = [];
  /**
   * Until when a lease lives at least, on this node's clock, from what the leader said and when it was asked. Stays true
   * whatever happens to the leader, as every leader counts at least what its predecessor promised.
   */
  private readonly livesUntilMs = new Map<LeaseId, number>();

  constructor(private readonly options: LeaseClientOptions) {}

  /** To be called with every applied entry. */
  applied(result: ApplyResult): void {
    for (const change of result.leaseChanges) this.follow(change);
  }

  /** A grant that was asked for at `sentAtMs` has been applied: nobody counts its TTL from earlier. */
  granted(leaseId: LeaseId, ttlMs: number, sentAtMs: number): void {
    this.learn(leaseId, sentAtMs + ttlMs);
  }

  /** Null when the lease is gone. @throws ReplicaError when no leader could be asked */
  async renew(leaseId: LeaseId): Promise<Remaining | null> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.gather(leaseId);
      if (answer !== 'ending') return answer === 'gone' ? null : answer;
      if (attempt === MAX_ATTEMPTS_WHILE_ENDING)
        throw new ReplicaError('NO_LEADER', 'safe', 'the fate of the lease is not known yet');
      await new Promise<void>((resolve) => this.options.clock.setTimer(ENDING_RETRY_MS, resolve));
    }
  }

  /** A lower bound without asking anybody; null when nothing is known. */
  knownRemainingMs(leaseId: LeaseId): number | null {
    const untilMs = this.livesUntilMs.get(leaseId);
    if (untilMs === undefined) return null;
    const remainingMs = untilMs - this.options.clock.nowMs();
    return remainingMs > 0 ? Math.floor(remainingMs) : null;
  }

  /** Null when the leader does not count it. @throws ReplicaError */
  async askRemaining(leaseId: LeaseId): Promise<Remaining | null> {
    const sentAtMs = this.options.clock.nowMs();
    const [answer] = decodeAnswers(
      await this.options.askLeader(encodeQuestion({ type: 'remaining', leaseIds: [leaseId] })),
    );
    if (answer === undefined || answer === 'gone' || answer === 'ending') return null;
    return this.promised(leaseId, answer, sentAtMs);
  }

  private gather(leaseId: LeaseId): Promise<RenewAnswer> {
    return new Promise((resolve, reject) => {
      this.gathering.push({ leaseId, resolve, reject });
      if (this.gathering.length === 1) this.options.clock.defer(() => this.send());
    });
  }

  private send(): void {
    const gathered = this.gathering;
    this.gathering = [];
    for (let start = 0; start < gathered.length; start += MAX_LEASES_PER_QUESTION)
      void this.ask(gathered.slice(start, start + MAX_LEASES_PER_QUESTION));
  }

  private async ask(waiting: readonly Waiting[]): Promise<void> {
    const sentAtMs = this.options.clock.nowMs();
    try {
      const question = encodeQuestion({ type: 'renew', leaseIds: waiting.map(({ leaseId }) => leaseId) });
      const answers = decodeAnswers(await this.options.askLeader(question));
      waiting.forEach(({ leaseId, resolve }, index) => {
        const answer = answers[index] ?? 'gone';
        resolve(typeof answer === 'string' ? answer : this.promised(leaseId, answer, sentAtMs));
      });
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  /** The leader spoke some time between the question and now: counted from the question, it is never too much. */
  private promised(leaseId: LeaseId, { ttlMs, remainingMs }: Remaining, sentAtMs: number): Remaining {
    const untilMs = sentAtMs + remainingMs;
    this.learn(leaseId, untilMs);
    return { ttlMs, remainingMs: Math.max(0, Math.floor(untilMs - this.options.clock.nowMs())) };
  }

  private learn(leaseId: LeaseId, untilMs: number): void {
    // Answers that came after the end of their lease gather here, if ever so slowly.
    if (this.livesUntilMs.size >= MAX_KNOWN_LEASES) this.livesUntilMs.clear();
    this.livesUntilMs.set(leaseId, Math.max(untilMs, this.livesUntilMs.get(leaseId) ?? 0));
  }

  private follow(change: LeaseChange): void {
    if (change.type === 'ended') this.livesUntilMs.delete(change.leaseId);
  }
}
