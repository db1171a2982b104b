import type { ErrorBody, WatchRequest } from '@latchkey/contracts';
import type { Replica } from '@latchkey/replica';
import type { ApplyResult, StateReader } from '@latchkey/state-machine';
import { rangeOfWire } from '../commands/key-text.js';
import { errorBodyOfReplica } from '../commands/wire-error.js';
import type { Watch, WatchSink } from './watch.js';
import type { WatchHub } from './watch-hub.js';

type PreparedWatch = {
  /** Of this node's state, now. */
  readonly revision: number;
  /** To be called in the same turn, so that nothing comes between. */
  readonly open: (id: number, sink: WatchSink) => Watch;
};

/** Makes watches for clients of either wire. */
export class WatchOpener {
  constructor(
    private readonly hub: WatchHub,
    private readonly replica: () => Pick<Replica<ApplyResult>, 'readBarrier'>,
    private readonly reader: StateReader,
  ) {}

  async prepare(request: WatchRequest): Promise<PreparedWatch | { readonly error: ErrorBody }> {
    const { fromRevision } = request;
    if (fromRevision === undefined) {
      // "From now on" must not mean this node's past: what was acknowledged before the call is not an event after it.
      try {
        await this.replica().readBarrier();
      } catch (error) {
        const body = errorBodyOfReplica(error);
        if (body === null) throw error;
        return { error: body };
      }
    }
    const range = rangeOfWire(request.range);
    const withPrevious = request.previous === true;
    return {
      revision: this.reader.revision,
      open: (id, sink) => this.hub.add({ id, sink, range, withPrevious, fromRevision: fromRevision ?? null }),
    };
  }

  close(watch: Watch): void {
    this.hub.remove(watch);
  }
}
