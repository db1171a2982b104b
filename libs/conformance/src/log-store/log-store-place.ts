import type { DurableState, LogStore } from '@latchkey/replica';

/** A place where one node's Raft state lives, such as one database. */
export interface LogStorePlace {
  /** A store object on this place, as a new process would make it; `load` has not been called. */
  open(): Promise<LogStore>;
  /** Removes the place. */
  dispose(): Promise<void>;
}

/** A place whose writes a test can break off. */
export interface InterruptibleLogStorePlace extends LogStorePlace {
  /** Makes the next `persist` of `store` end with `outcomeUnknown`, its batch written or not: a connection lost in COMMIT. */
  interruptNextPersist(store: LogStore): Promise<void>;
}

/** Gives a new, empty place for each call. */
export type LogStoreFactory = () => Promise<LogStorePlace>;
export type InterruptibleLogStoreFactory = () => Promise<InterruptibleLogStorePlace>;

/** A place with its processes. */
export class PlaceUnderTest<Place extends LogStorePlace = LogStorePlace> {
  private readonly opened: LogStore[] = [];

  constructor(readonly place: Place) {}

  /** A process starts on the place; an older one, if any, lives on. */
  async start(): Promise<{ readonly store: LogStore; readonly durable: DurableState }> {
    const store = await this.place.open();
    this.opened.push(store);
    return { store, durable: await store.load() };
  }

  /** All processes end, and a new one starts. */
  async restart(): Promise<{ readonly store: LogStore; readonly durable: DurableState }> {
    await this.closeAll();
    return this.start();
  }

  async closeAll(): Promise<void> {
    for (const store of this.opened.splice(0)) await store.close();
  }
}

/** Runs one story on a place of its own, and cleans up. */
export async function onNewPlace<Place extends LogStorePlace>(
  factory: () => Promise<Place>,
  story: (place: PlaceUnderTest<Place>) => Promise<void>,
): Promise<void> {
  const place = await factory();
  const underTest = new PlaceUnderTest(place);
  try {
    await story(underTest);
  } finally {
    await underTest.closeAll();
    await place.dispose();
  }
}
