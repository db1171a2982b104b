/** What was found to be as it was written. */
export type VerifiedPage = {
  readonly table: string;
  readonly rowCount: number;
  /** Zero when rows were only counted and summed. */
  readonly byteCount: number;
};

/** Looks for damage that nothing else would read before the next start (FAILURE-MODES 29, 34). */
export interface StoreVerifier {
  /**
   * One pass over all that is durable: identity, log, checkpoint; at least one page of each, of about `maxBytesPerPage`
   * but at least one row. The work is done when a page is asked for, so whoever asks sets the pace. Nothing is held
   * between pages but a connection: no transaction, no lock. May overlap all other calls of the stores.
   * @throws LogStoreError corrupt, naming the table and, where one row is at fault, the row; unavailable, also when the
   *   store was loaded again meanwhile; fenced
   */
  verify(options: { readonly maxBytesPerPage: number }): AsyncIterable<VerifiedPage>;
}
