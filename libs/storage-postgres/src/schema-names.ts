/** Everything of a node lives in one schema, so that it can share a database with nothing but itself. */
export const SCHEMA = 'latchkey';
export const STORE_TABLE = `${SCHEMA}.store`;
/** Reads the whole log: its segments are its children. Rows of its own are those that an older Latchkey has left. */
export const BATCH_TABLE = `${SCHEMA}.log_batch`;
/** Where rows of the log go, into one at a time. */
export const SEGMENT_TABLES: readonly string[] = [1, 2, 3].map((number) => `${SCHEMA}.log_segment_${number}`);
export const CHECKPOINT_TABLE = `${SCHEMA}.checkpoint`;
export const ROW_TABLE = `${SCHEMA}.state_row`;
export const PAGE_TABLE = `${SCHEMA}.state_page`;
export const IDENTITY_TABLE = `${SCHEMA}.identity`;
export const PEER_TABLE = `${SCHEMA}.peer`;
export const CLAIM_TABLE = `${SCHEMA}.claim`;
export const GENERATION_SEQUENCE = `${SCHEMA}.state_generation`;
export const MIGRATIONS_TABLE = 'migrations';

/** What the tables and the bytes in them mean. A store of a newer format is refused, not guessed at. */
export const STORE_FORMAT = 8;
