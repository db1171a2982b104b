/**
 * The replicated state as rows, from a byte string to another. They are kept in a database, sent to other nodes and read
 * by people with SQL, so this is a format: what is written here does not change without another `ROW_FORMAT`.
 *
 * All numbers are big-endian and unsigned, so that rows in the order of their keys are in the order of the numbers. A lease
 * id is its 8 bytes. The first byte of a key is the section. Offsets count from 0 (SQL's `substring` counts from 1).
 *
 * | section            | key after the section byte       | value                                                           |
 * |--------------------|----------------------------------|-----------------------------------------------------------------|
 * | 1 meta             | nothing: one row                 | 0 `ROW_FORMAT` (1 byte), 1 applied index (8), 9 its term (8), 17 revision (8), 25 compacted revision (8), 33 lanes of the state hash (4 + 4) |
 * | 2 lease            | lease id (8)                     | 0 TTL in ms (8), 8 remaining TTL in ms (8, or missing)           |
 * | 3 ended lease      | number (8), oldest lowest        | 0 lease id (8)                                                   |
 * | 4 version of a key | modRevision (8), bytes of the key | 0 flags (1 byte; 1 = deletion), 1 position in its revision (4), 5 updatedAtMs (8); unless a deletion: 13 createRevision (8), 21 version (8), 29 lease id (8, zeros for none), 37 bytes of the value |
 * | 5 session          | lease id (8)                     | 0 acknowledged through (8); no row while that is 0               |
 * | 6 session outcome  | lease id (8), sequence (8), part (2) | part of an outcome, for the program only                     |
 * | 7 idempotency key  | number (8), oldest lowest; part (2) | part of: hash of the command, key, outcome; for the program only |
 *
 * Bytes that may be many (6, 7) begin with their length and are cut into parts of at most `MAX_PART_BYTES`.
 *
 * The position says in which order one revision wrote its keys. It means something only for revisions above the
 * compacted one, of which events can still be asked; below it may be anything.
 *
 * Versions are there that compaction has made unreadable, until they are swept: what remains to be swept follows from
 * the rows. Queues, the keys of a lease and the indexes follow from the versions and have no rows.
 *
 * The newest version of every key, from a table `rows (key bytea, value bytea)`:
 *
 *     SELECT DISTINCT ON (substring(r.key FROM 10)) substring(r.key FROM 10) AS name, substring(r.value FROM 38) AS content,
 *            ('x' || encode(substring(r.key FROM 2 FOR 8), 'hex'))::bit(64)::bigint AS mod_revision,
 *            get_byte(r.value, 0) = 1 AS deleted
 *       FROM rows r WHERE get_byte(r.key, 0) = 4 ORDER BY substring(r.key FROM 10), r.key DESC
 */
export const ROW_FORMAT = 1;

/** Restored in this order: a lease is there before its session, an acknowledgement before the outcomes after it. */
export const SECTIONS = {
  meta: 1,
  leases: 2,
  endedLeases: 3,
  versions: 4,
  sessions: 5,
  sessionOutcomes: 6,
  idempotencyKeys: 7,
} as const;

export type StateRow = { readonly key: Uint8Array; readonly value: Uint8Array };

/** A row that is new or different, or (`value` null) gone. */
export type StateRowChange = { readonly key: Uint8Array; readonly value: Uint8Array | null };

/** In pages, each encoded when it is asked for; no key twice, in no order that means anything. Can be gone through again. */
export type StateChanges = Iterable<readonly StateRowChange[]>;
