import { BackupEncoder, MAX_FRAME_ROW_BYTES, type BackupHeader } from '@latchkey/backup';
import { LogStoreError, ReplicaError, type CheckpointView, type Replica, type StateRow } from '@latchkey/replica';
import { decodeMeta } from '@latchkey/state-machine';
import { wireError } from '../commands/wire-error.js';

/**
 * Backups that a node makes at a time. Each holds a view of the store, of which there are few and which peers need as well;
 * and the nodes of a cluster can share the work.
 */
export const MAX_CONCURRENT_BACKUPS = 1;

export type BackupsOptions = {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly programVersion: string;
  readonly replica: Pick<Replica<unknown>, 'readBarrier' | 'checkpoint'>;
  /** @throws LogStoreError */
  readonly openCheckpoint: () => Promise<CheckpointView | null>;
  readonly wallTimeMs: () => number;
};

/** A backup that can be read once. Whoever has it closes it, read or not. */
export type OpenBackup = {
  readonly header: BackupHeader;
  /** Of the file, one after the other; the end comes only when all rows were as they were written. @throws LogStoreError */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Idempotent. */
  close(): Promise<void>;
};

/** Makes backups of the state as it is on this node: complete up to what was acknowledged anywhere before the call. */
export class Backups {
  private openCount = 0;

  constructor(private readonly options: BackupsOptions) {}

  /** @throws WireError, ReplicaError; nothing was done then */
  async open(): Promise<OpenBackup> {
    if (this.openCount >= MAX_CONCURRENT_BACKUPS)
      throw wireError('OVERLOADED', 'this node is making a backup already; try another one, or again later');
    this.openCount += 1;
    try {
      const view = await this.viewOfEverything();
      return await this.backupOf(view);
    } catch (error) {
      this.openCount -= 1;
      throw error instanceof LogStoreError ? unavailable(error.message) : error;
    }
  }

  private async viewOfEverything(): Promise<CheckpointView> {
    const { replica, openCheckpoint } = this.options;
    await replica.readBarrier();
    const index = await replica.checkpoint().catch((error: unknown) => {
      // Not that too much waits, which is what this code means elsewhere.
      throw error instanceof ReplicaError && error.code === 'OVERLOADED' ? unavailable(error.message) : error;
    });
    const view = await openCheckpoint();
    if (view !== null && view.meta.index >= index) return view;
    await view?.close();
    throw unavailable('the database does not show the state that was just saved');
  }

  private async backupOf(view: CheckpointView): Promise<OpenBackup> {
    try {
      const page = await view.nextPage(MAX_FRAME_ROW_BYTES);
      const [metaRow] = page ?? [];
      if (page === null || metaRow === undefined) throw unavailable('the saved state is empty');
      const header = this.headerOf(view, metaRow);
      let isOpen = true;
      return {
        header,
        chunks: chunksOf(view, page, header),
        close: async () => {
          if (!isOpen) return;
          isOpen = false;
          this.openCount -= 1;
          await view.close();
        },
      };
    } catch (error) {
      await view.close();
      throw error;
    }
  }

  private headerOf({ meta }: CheckpointView, metaRow: StateRow): BackupHeader {
    const { clusterId, nodeId, programVersion, wallTimeMs } = this.options;
    const { voters, votersOutgoing, learners } = meta.membership;
    return {
      clusterId,
      nodeId,
      revision: decodeMeta(metaRow).revision,
      appliedIndex: meta.index,
      term: meta.term,
      membership: { voters, votersOutgoing, learners },
      createdAt: new Date(wallTimeMs()).toISOString(),
      programVersion,
    };
  }
}

async function* chunksOf(
  view: CheckpointView,
  firstPage: readonly StateRow[],
  header: BackupHeader,
): AsyncGenerator<Uint8Array> {
  const encoder = new BackupEncoder();
  yield encoder.begin(header);
  for (
    let page: readonly StateRow[] | null = firstPage;
    page !== null;
    page = await view.nextPage(MAX_FRAME_ROW_BYTES)
  ) {
    yield* encoder.rows(page);
  }
  yield encoder.end();
}

const unavailable = (message: string): Error => wireError('UNAVAILABLE', `${message}; nothing was done`);
