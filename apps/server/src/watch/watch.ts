import type { KeyRange } from '@latchkey/state-machine';
import type { SharedMessage } from './shared-message.js';

/** Where a watch's messages go: a client's connection, or a stream of server-sent events. */
export interface WatchSink {
  /** False while the client reads too slowly; `WatchHub.writable` is called when that has passed. */
  readonly isWritable: boolean;
  /** Never blocks. After a message of type `ended` nothing more comes for this watch. */
  deliver(watch: Watch, message: SharedMessage): void;
}

export type Watch = {
  readonly id: number;
  readonly range: KeyRange;
  readonly withPrevious: boolean;
  readonly sink: WatchSink;
  /** Everything up to and including this revision has been delivered or is not wanted. */
  cursor: number;
  /** Since when it could not follow; null for one that does. */
  behindSinceMs: number | null;
  lastMessageAtMs: number;
  isOver: boolean;
};
