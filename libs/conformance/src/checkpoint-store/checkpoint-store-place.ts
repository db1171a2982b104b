import type { CheckpointStore, DurableState, LogStore } from '@latchkey/replica';

/** The two stores of one process on a place. */
export type NodeStores = { readonly logStore: LogStore; readonly checkpoints: CheckpointStore };

/** A place where one node's log and checkpoints live, such as one database. */
export interface CheckpointStorePlace {
  /** Stores on this place, as a new process would make them; `load` has not been called. */
  open(): Promise<NodeStores>;
  /** Removes the place. */
  dispose(): Promise<void>;
}

/** A place whose writes a test can break off. */
export interface InterruptibleCheckpointStorePlace extends CheckpointStorePlace {
  /**
   * Makes the next call of `method` fail with `outcomeUnknown` or `unavailable`, its effect there or not: a connection
   * that is lost on the way.
   */
  interruptNext(method: 'save' | 'installSnapshot', stores: NodeStores): Promise<void>;
}

/** Gives a new, empty place for each call. */
export type CheckpointStoreFactory = () => Promise<CheckpointStorePlace>;
export type InterruptibleCheckpointStoreFactory = () => Promise<InterruptibleCheckpointStorePlace>;

export type StartedStores = NodeStores & { readonly durable: DurableState };

/** A place with its processes. */
export class CheckpointPlaceUnderTest<Place extends CheckpointStorePlace = CheckpointStorePlace> {
  private readonly opened: LogStore[] = [];

  constructor(readonly place: Place) {}

  /** A process starts on the place; an older one, if any, lives on. */
  async start(): Promise<StartedStores> {
    const stores = await this.place.open();
    this.opened.push(stores.logStore);
    return { ...stores, durable: await stores.logStore.load() };
  }

  /** All processes end, and a new one starts. */
  async restart(): Promise<StartedStores> {
    await this.closeAll();
    return this.start();
  }

  async closeAll(): Promise<void> {
    for (const store of this.opened.splice(0)) await store.close();
  }
}

/** Runs one story on a place of its own, and cleans up. */
export async function onNewCheckpointPlace<Place extends CheckpointStorePlace>(
  factory: () => Promise<Place>,
  story: (place: CheckpointPlaceUnderTest<Place>) => Promise<void>,
): Promise<void> {
  const place = await factory();
  const underTest = new CheckpointPlaceUnderTest(place);
  try {
    await story(underTest);
  } finally {
    await underTest.closeAll();
    await place.dispose();
  }
}
