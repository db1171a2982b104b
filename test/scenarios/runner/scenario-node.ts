import { logIndex } from '@latchkey/raft';
import type {
  Effect,
  Input,
  LogEntry,
  LogPosition,
  NodeId,
  PersistId,
  RaftConfig,
  RaftMessage,
  RaftStatus,
  ReadId,
  SnapshotMeta,
} from '@latchkey/raft';
import type { RaftOracle } from '../../../libs/raft/src/test-support/raft-oracle.js';
import { VirtualDisk, type VirtualWrite } from '../../../libs/raft/src/test-support/virtual-disk.js';
import type { StateImage } from '../../../libs/raft/src/test-support/virtual-state.js';
import { effectText } from './effect-text.js';
import { positionText } from './entry-text.js';
import { isWaiting, startProcess, takeRead, type Process } from './process.js';
import type { Transcript } from './transcript.js';

type EffectOf<Type extends Effect['type']> = Extract<Effect, { readonly type: Type }>;

/** What a node is told, as it stands in the transcript. `always`: also when it has no consequences. */
export type Happening = { readonly key: string; readonly text: string; readonly always: boolean };

export type ScenarioNodeOptions = {
  readonly config: RaftConfig;
  readonly transcript: Transcript;
  readonly oracle: RaftOracle;
  readonly worldNowMs: () => number;
  /** Whether it is on its way; else it is lost. */
  readonly send: (from: NodeId, to: NodeId, message: RaftMessage) => boolean;
  readonly isCut: (link: { readonly from: NodeId; readonly to: NodeId }) => boolean;
  readonly beginSnapshot: (from: NodeId, to: NodeId, image: StateImage) => void;
};

const ALL = Infinity;
const SEEDS_PER_START = 1_000;

/** A RaftNode with a disk and a state machine. Writes are done at the end of the step, unless the disk is held. */
export class ScenarioNode {
  readonly id: NodeId;
  readonly disk = new VirtualDisk();
  /** How far this node's clock is ahead of the world's: monotonic clocks of different machines have nothing in common. */
  clockAheadMs = 0;
  /** Nothing has happened to it yet. */
  isUntouched = true;
  private isDiskHeld = false;
  private process: Process | null = null;
  private starts = 0;

  constructor(private readonly options: ScenarioNodeOptions) {
    this.id = options.config.nodeId;
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  get status(): RaftStatus | null {
    return this.process?.raft.status() ?? null;
  }

  /** By the world's clock; Infinity when the node is down. */
  get nextDeadlineMs(): number {
    return (this.process?.raft.nextDeadlineMs() ?? Infinity) - this.clockAheadMs;
  }

  /** From what is on disk, with other timeouts than last time. */
  start(): void {
    if (this.process !== null) throw new Error(`${this.id} runs already`);
    const { config, oracle } = this.options;
    const seed = config.seed + this.starts * SEEDS_PER_START;
    this.starts += 1;
    this.process = startProcess({ ...config, seed }, this.disk, {
      nowMs: this.nowMs,
      onState: ({ meta, stateHash }) => oracle.holdsState(this.id, meta, stateHash),
    });
  }

  /** Loses everything but the disk. */
  crash(): void {
    this.running();
    this.process = null;
  }

  /** Lets this node's clock alone go on to its next deadline. */
  skipToDeadline(): void {
    this.clockAheadMs += Math.max(0, this.nextDeadlineMs - this.options.worldNowMs());
  }

  /** Does what the core says. What it does goes to the transcript. */
  step(input: Input, happening: Happening | null): void {
    const process = this.running();
    this.isUntouched = false;
    const effects = process.raft.step(input, this.nowMs);
    if (happening !== null && (happening.always || effects.length > 0)) {
      this.options.transcript.happened(`${this.id} ${happening.key}`, happening.text);
    }
    for (const effect of effects) {
      this.print(process, effect);
      this.run(process, effect);
    }
    this.applyWhatIsDue(process);
    if (!this.isDiskHeld) this.completeWrites(process, ALL, false);
    if (process.isRemoved) this.process = null;
  }

  read(readId: ReadId): void {
    this.running().reads.set(readId, this.options.oracle.committedCount);
    this.step({ type: 'read', readId }, { key: 'read', text: `r${readId}`, always: true });
  }

  /** From now on writes wait for `releaseDisk`. */
  holdDisk(): void {
    this.isDiskHeld = true;
  }

  /** Completes the oldest writes that wait; all of them also means that later ones do not wait any more. */
  releaseDisk(count: number | 'all'): void {
    if (count === 'all') this.isDiskHeld = false;
    this.completeWrites(this.running(), count === 'all' ? ALL : count, true);
  }

  /** The state after `index` (or the latest) is saved. */
  checkpoint(index: number | null): void {
    const { applied } = this.running();
    const image = applied.imageAt(index ?? applied.index);
    if (image === undefined) throw new Error(`${this.id} has not applied ${index ?? applied.index} since it started`);
    const { meta } = image;
    if (this.disk.log.termAt(meta.index) !== meta.term) {
      throw new Error(`${this.id}: the log on disk ends before ${meta.index}; a driver would wait`);
    }
    this.disk.checkpoint = image;
    this.step(
      { type: 'checkpointed', index: meta.index },
      { key: 'saves', text: `at ${positionText(meta)}`, always: true },
    );
  }

  receiveSnapshot(from: NodeId, term: RaftStatus['currentTerm'], image: StateImage): void {
    const process = this.running();
    process.staged = image;
    const { meta: snapshot } = image;
    this.step(
      { type: 'snapshotReceived', from, term, snapshot },
      { key: `<- ${from}`, text: `snapshot at ${positionText(snapshot)}, leader in term ${term}`, always: true },
    );
  }

  private get nowMs(): number {
    return this.options.worldNowMs() + this.clockAheadMs;
  }

  private running(): Process {
    if (this.process === null) throw new Error(`${this.id} is down`);
    return this.process;
  }

  private print(process: Process, effect: Effect): void {
    const [key, text] = effectText(effect);
    const isHeld = effect.type === 'send' && this.isDiskHeld && isWaiting(process, effect);
    const isLost = effect.type === 'send' && !isHeld && this.options.isCut({ from: this.id, to: effect.to });
    this.options.transcript.caused(key, isLost ? `${text} (lost)` : text);
  }

  private run(process: Process, effect: Effect): void {
    const { oracle } = this.options;
    switch (effect.type) {
      case 'persist':
        process.log.write(effect);
        oracle.appended(this.id, effect.entries, process.log);
        process.unwritten.push(effect);
        return;
      case 'installSnapshot':
        return this.install(process, effect);
      case 'compactLog':
        return this.compactLog(process, effect.base);
      case 'sendSnapshot':
        return this.sendSnapshot(effect.to, effect.snapshot);
      case 'send':
        if (isWaiting(process, effect)) process.heldSends.push(effect);
        else this.options.send(this.id, effect.to, effect.message);
        return;
      case 'apply':
        return this.apply(process, effect.entries);
      case 'completeRead':
        return oracle.completedRead(this.id, effect.readIndex, takeRead(process, effect.readId));
      case 'failRead':
        takeRead(process, effect.readId);
        return;
      case 'roleChanged':
        if (effect.role === 'leader') oracle.leads(this.id, effect.term, process.log);
        return;
      case 'removed':
        process.isRemoved = true;
        return;
      default:
        return;
    }
  }

  private apply(process: Process, entries: readonly LogEntry[]): void {
    const { currentTerm, membership } = process.raft.status();
    this.options.oracle.applied(this.id, entries, { term: currentTerm, membership });
    process.applied.apply(entries);
  }

  private install(process: Process, effect: EffectOf<'installSnapshot'>): void {
    const image = process.staged;
    if (image?.meta.index !== effect.snapshot.index) throw new Error(`${this.id} installs what it did not receive`);
    process.log.install(effect.snapshot, effect.keepsTail);
    process.applied.restore(image, effect.persistId);
    process.unwritten.push({ ...effect, image });
  }

  private compactLog(process: Process, base: LogPosition): void {
    if ((this.disk.checkpoint?.meta.index ?? 0) < base.index)
      throw new Error(`${this.id} compacts beyond its checkpoint`);
    process.log.compactTo(base);
    this.disk.log.compactTo(base);
  }

  private sendSnapshot(to: NodeId, snapshot: SnapshotMeta): void {
    const image = this.disk.checkpoint;
    if (image === null || image.meta.index < snapshot.index) throw new Error(`${this.id} has no such snapshot`);
    this.options.beginSnapshot(this.id, to, image);
  }

  /** @param isTold whether the transcript says so in any case, and repeats the messages that have waited */
  private completeWrites(process: Process, count: number, isTold: boolean): void {
    const batch = process.unwritten.splice(0, count);
    const last = batch.at(-1);
    if (last === undefined) return;
    for (const write of batch) this.write(write);
    process.durableId = last.persistId;
    const happening = { key: 'disk', text: `${writesText(batch)} done`, always: isTold };
    if (isTold) this.options.transcript.happened(`${this.id} ${happening.key}`, happening.text);
    const leaving = process.heldSends.filter((send) => !isWaiting(process, send));
    process.heldSends = process.heldSends.filter((send) => isWaiting(process, send));
    for (const send of leaving) {
      if (isTold) this.print(process, { ...send, afterPersist: null });
      this.options.send(this.id, send.to, send.message);
    }
    this.step({ type: 'persisted', persistId: last.persistId }, isTold ? null : happening);
  }

  private write(write: VirtualWrite): void {
    if (write.hardState !== null) this.options.oracle.savedHardState(this.id, this.disk.hardState, write.hardState);
    this.disk.write(write);
  }

  /** The core only takes note of it. */
  private applyWhatIsDue(process: Process): void {
    const before = process.applied.index;
    process.applied.work(process.durableId);
    const { index } = process.applied;
    if (index === before) return;
    const effects = process.raft.step({ type: 'applied', index: logIndex(index) }, this.nowMs);
    if (effects.length > 0) throw new Error(`${this.id} does something because ${index} is applied`);
  }
}

function writesText(batch: readonly { readonly persistId: PersistId }[]): string {
  const [first, last] = [batch[0], batch.at(-1)];
  return first === last ? `#${first?.persistId}` : `#${first?.persistId} to #${last?.persistId}`;
}
