import type { AppliedWrite, LockOperation, Operation } from '@latchkey/linearizability';

/** All keys that the load writes begin with it. */
export const KEY_PREFIX = 'rounds/';
/** Enough for many conflicts, few enough that each is written often. */
const KEYS = 16;
const LOCKS = 2;

/** A conditional put that took effect although it named this revision of its key. */
export type ConditionalPut = { readonly key: string; readonly expectedRevision: number; readonly revision: number };

/**
 * What the clients saw during some rounds, on keys and locks that no other rounds use. So each chapter is a complete
 * history, which can be checked and then forgotten.
 */
export class Chapter {
  readonly keys: readonly string[];
  readonly locks: readonly string[];
  readonly operations: Operation[] = [];
  readonly lockOperations: LockOperation[] = [];
  readonly conditionalPuts: ConditionalPut[] = [];
  readonly applied: AppliedWrite[] = [];

  constructor(readonly number: number) {
    this.keys = Array.from({ length: KEYS }, (_, at) => `${KEY_PREFIX}${number}/${at}`);
    this.locks = Array.from({ length: LOCKS }, (_, at) => `rounds-${number}-${at}`);
  }

  owns(key: string): boolean {
    return key.startsWith(`${KEY_PREFIX}${this.number}/`);
  }
}
