import type { Effect } from '../effects.js';
import type { LogEntry } from '../log-entry.js';
import { hardState, NO_BASE } from './raft-builders.js';
import { StoredLog } from './stored-log.js';
import type { StateImage } from './virtual-state.js';

export type VirtualWrite =
  | Extract<Effect, { readonly type: 'persist' }>
  | (Extract<Effect, { readonly type: 'installSnapshot' }> & { readonly image: StateImage });

/** What a crash of a virtual node does not destroy. */
export class VirtualDisk {
  hardState = hardState(0);
  readonly log = new StoredLog(NO_BASE, []);
  checkpoint: StateImage | null = null;

  /** In the log, or in the checkpoint that stands for its compacted part. */
  holds(entry: LogEntry): boolean {
    return entry.index <= this.log.base.index || this.log.termAt(entry.index) === entry.term;
  }

  write(write: VirtualWrite): void {
    if (write.type === 'persist') {
      this.log.write(write);
    } else {
      this.log.install(write.snapshot, write.keepsTail);
      this.checkpoint = write.image;
    }
    if (write.hardState !== null) this.hardState = write.hardState;
  }
}

/** The writes that one transaction may hold: an installation is one of its own. */
export function takeTransaction(writes: VirtualWrite[]): VirtualWrite[] {
  if (writes[0]?.type === 'installSnapshot') return writes.splice(0, 1);
  const firstInstallation = writes.findIndex(({ type }) => type === 'installSnapshot');
  return writes.splice(0, firstInstallation < 0 ? writes.length : firstInstallation);
}
