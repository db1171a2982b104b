import type { LogEntry, LogIndex, Membership, PersistId } from '@latchkey/raft';
import { VirtualState, type StateImage } from '../../../libs/raft/src/test-support/virtual-state.js';

type Work =
  | { readonly type: 'apply'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'restore'; readonly image: StateImage; readonly afterPersist: PersistId };

/** A state machine beside a node. It applies at once; only what follows a snapshot waits until that is on disk. */
export class AppliedState {
  private readonly state: VirtualState;
  private readonly images = new Map<LogIndex, StateImage>();
  private queue: Work[] = [];

  constructor(
    initialMembership: Membership,
    checkpoint: StateImage | null,
    private readonly onState: (image: StateImage) => void,
  ) {
    this.state = new VirtualState(initialMembership, checkpoint);
  }

  get index(): LogIndex {
    return this.state.image.meta.index;
  }

  /** What the state was after `index`, since this process runs. */
  imageAt(index: number): StateImage | undefined {
    return [...this.images.values()].find(({ meta }) => meta.index === index);
  }

  apply(entries: readonly LogEntry[]): void {
    this.queue.push({ type: 'apply', entries });
  }

  restore(image: StateImage, afterPersist: PersistId): void {
    this.queue.push({ type: 'restore', image, afterPersist });
  }

  /** Does what can be done when all writes up to `durableId` are. */
  work(durableId: number): void {
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      if (next.type === 'restore') {
        if (next.afterPersist > durableId) return;
        this.state.restore(next.image);
        this.remember();
      } else {
        for (const entry of next.entries) {
          this.state.apply([entry]);
          this.remember();
        }
      }
      this.queue = this.queue.slice(1);
    }
  }

  private remember(): void {
    const { image } = this.state;
    this.images.set(image.meta.index, image);
    this.onState(image);
  }
}
