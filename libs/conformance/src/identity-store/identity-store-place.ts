import type { CheckpointStore, DurableState, IdentityStore, LogStore } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';

/** The three stores of one process on a place. */
export type IdentityStores = {
  readonly logStore: LogStore;
  readonly checkpoints: CheckpointStore;
  readonly identity: IdentityStore;
};

/** A place where one node's log, checkpoints and identity live, such as one database. */
export interface IdentityStorePlace {
  /** Stores on this place, as a new process would make them; `load` has not been called. */
  open(): Promise<IdentityStores>;
  /** Removes the place. */
  dispose(): Promise<void>;
}

/** A place whose contents a test can spoil. */
export interface DamageableIdentityStorePlace extends IdentityStorePlace {
  /** Changes what was written of the log, so that the next `load` fails as `corrupt`. Nobody has the place open. */
  damage(): Promise<void>;
}

/** Gives a new, empty place for each call. */
export type IdentityStoreFactory = () => Promise<IdentityStorePlace>;
export type DamageableIdentityStoreFactory = () => Promise<DamageableIdentityStorePlace>;

export type StartedIdentityStores = IdentityStores & { readonly durable: DurableState };

/** A place with its processes. */
export class IdentityPlaceUnderTest<Place extends IdentityStorePlace = IdentityStorePlace> {
  private readonly opened: LogStore[] = [];

  constructor(readonly place: Place) {}

  /** A process makes its stores; it has loaded nothing yet. */
  async open(): Promise<IdentityStores> {
    const stores = await this.place.open();
    this.opened.push(stores.logStore);
    return stores;
  }

  /** A process starts on the place; an older one, if any, lives on. */
  async start(): Promise<StartedIdentityStores> {
    const stores = await this.open();
    return { ...stores, durable: await stores.logStore.load() };
  }

  /** All processes end, and a new one starts. */
  async restart(): Promise<StartedIdentityStores> {
    await this.closeAll();
    return this.start();
  }

  async closeAll(): Promise<void> {
    for (const store of this.opened.splice(0)) await store.close();
  }
}

/** Runs one story on a place of its own, and cleans up. */
export async function onNewIdentityPlace<Place extends IdentityStorePlace>(
  factory: () => Promise<Place>,
  story: (place: IdentityPlaceUnderTest<Place>) => Promise<void>,
): Promise<void> {
  const place = await factory();
  const underTest = new IdentityPlaceUnderTest(place);
  try {
    await story(underTest);
  } finally {
    await underTest.closeAll();
    await place.dispose();
  }
}

/** One check of the contract, told as a story on a place of its own. */
export function check(
  name: string,
  story: (place: IdentityPlaceUnderTest, factory: IdentityStoreFactory) => Promise<void>,
): ConformanceCheck<IdentityStoreFactory> {
  return { name, run: (factory) => onNewIdentityPlace(factory, (place) => story(place, factory)) };
}
