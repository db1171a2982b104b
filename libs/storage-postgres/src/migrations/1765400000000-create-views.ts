import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people may select from, as `latchkey_reader` or otherwise. The other views are steps towards these. */
const PUBLIC_VIEWS = [
  'keys',
  'key_history',
  'config',
  'locks',
  'lock_history',
  'elections',
  'election_history',
  'leases',
  'status',
];

/** The checkpoint in plain SQL: see docs/sql.md. Rows are laid out as libs/state-machine/src/state-rows.ts says. */
export class CreateViews1765400000000 implements MigrationInterface {
  readonly name = 'CreateViews1765400000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...FUNCTIONS, ...KEY_VIEWS, ...QUEUE_VIEWS, ...OTHER_VIEWS]) await runner.query(statement);
    await runner.query(CREATE_READER);
    await runner.query(GRANT_TO_READER);
  }

  /** The role stays: other databases of the server may use it. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(REVOKE_FROM_READER);
    const views = [...PUBLIC_VIEWS, 'queue_interval', 'queue_version', 'visible_version', 'key_version', 'compaction'];
    await runner.query(`DROP VIEW ${views.map((view) => `latchkey.${view}`).join(', ')}`);
    await runner.query(`DROP FUNCTION latchkey.json_of, latchkey.text_of, latchkey.decoded_text, latchkey.number_at`);
  }
}

/**
 * `text_of` must not fail, whatever the bytes. What has no backslash in Postgres' escape format is plain ASCII and its own
 * text, the usual case, and costs next to nothing; the rest is tried, and is hexadecimal if it is no text.
 */
const FUNCTIONS = [
  String.raw`
    CREATE FUNCTION latchkey.number_at(bytes bytea, place integer) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT ('x' || encode(substring(bytes FROM place + 1 FOR 8), 'hex'))::bit(64)::bigint $$`,
  String.raw`
    CREATE FUNCTION latchkey.decoded_text(bytes bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
    BEGIN
      RETURN convert_from(bytes, 'UTF8');
    EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
      RETURN '\x' || encode(bytes, 'hex');
    END $$`,
  String.raw`
    CREATE FUNCTION latchkey.text_of(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
      SELECT CASE WHEN strpos(encode(bytes, 'escape'), chr(92)) = 0 THEN encode(bytes, 'escape')
                  ELSE latchkey.decoded_text(bytes) END $$`,
  String.raw`
    CREATE FUNCTION latchkey.json_of(content text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
    BEGIN
      RETURN content::jsonb;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
      RETURN NULL;
    END $$`,
];

/**
 * What a reader may see of the versions: those above the compacted revision, and what was current at it. Others are only
 * there until they are swept. `key` partitions beside `key_bytes`, which says the same, so that a condition on either is
 * looked at before the versions are sorted.
 */
const KEY_VIEWS = [
  String.raw`
    CREATE VIEW latchkey.compaction AS
    SELECT latchkey.number_at(r.value, 17) AS revision, latchkey.number_at(r.value, 25) AS compacted_revision
    FROM latchkey.state_row r
    WHERE r.generation = (SELECT generation FROM latchkey.checkpoint) AND r.key = '\x01'`,
  String.raw`
    CREATE VIEW latchkey.key_version AS
    SELECT v.*,
           lead(v.revision) OVER later AS next_revision,
           lead(v.updated_at) OVER later AS next_updated_at
    FROM (
      SELECT latchkey.text_of(substring(r.key FROM 10)) COLLATE "C" AS key,
             substring(r.key FROM 10) AS key_bytes,
             latchkey.number_at(r.key, 1) AS revision,
             get_byte(r.value, 0) = 1 AS deleted,
             to_timestamp(latchkey.number_at(r.value, 5) / 1000.0) AS updated_at,
             CASE WHEN get_byte(r.value, 0) = 0 THEN latchkey.number_at(r.value, 13) END AS create_revision,
             CASE WHEN get_byte(r.value, 0) = 0 THEN latchkey.number_at(r.value, 21) END AS version,
             CASE WHEN get_byte(r.value, 0) = 0 THEN
               nullif(encode(substring(r.value FROM 30 FOR 8), 'hex'), '0000000000000000') END AS lease,
             CASE WHEN get_byte(r.value, 0) = 0 THEN substring(r.value FROM 38) END AS value_bytes
      FROM latchkey.state_row r
      WHERE r.generation = (SELECT generation FROM latchkey.checkpoint) AND r.key >= '\x04' AND r.key < '\x05'
    ) v
    WINDOW later AS (PARTITION BY v.key_bytes, v.key ORDER BY v.revision)`,
  String.raw`
    CREATE VIEW latchkey.visible_version AS
    SELECT v.*
    FROM latchkey.key_version v
    WHERE (v.next_revision IS NULL OR v.next_revision > (SELECT compacted_revision FROM latchkey.compaction))
      AND NOT (v.deleted AND v.revision <= (SELECT compacted_revision FROM latchkey.compaction))`,
  String.raw`
    CREATE VIEW latchkey.keys AS
    SELECT v.key, latchkey.text_of(v.value_bytes) AS value, v.create_revision, v.revision AS mod_revision, v.version,
           v.lease, v.updated_at, v.key_bytes, v.value_bytes
    FROM latchkey.key_version v
    WHERE v.next_revision IS NULL AND NOT v.deleted`,
  String.raw`
    CREATE VIEW latchkey.key_history AS
    SELECT v.key, v.revision, v.deleted, latchkey.text_of(v.value_bytes) AS value, v.create_revision, v.version, v.lease,
           v.updated_at, v.key_bytes, v.value_bytes
    FROM latchkey.visible_version v`,
];

const historyView = (view: string, prefix: string, columns: string) => String.raw`
    CREATE VIEW latchkey.${view} AS
    SELECT i.name, ${columns}, i.lease, i.create_revision AS fencing_token, i.entered_at,
           i.held_from_revision, i.held_from, i.left_revision AS held_until_revision, i.left_at AS held_until,
           i.held_from_revision > (SELECT compacted_revision FROM latchkey.compaction) AS start_is_exact
    FROM latchkey.queue_interval i
    WHERE i.space = '${prefix}' AND i.held_from_revision < coalesce(i.left_revision, 9223372036854775807)`;

const presentView = (view: string, prefix: string, columns: string) => String.raw`
    CREATE VIEW latchkey.${view} AS
    SELECT q.name, q.place = 0 AS holds, q.place AS position, ${columns}, q.lease, q.create_revision AS fencing_token,
           q.updated_at
    FROM (
      SELECT v.*, row_number() OVER (PARTITION BY v.space, v.name ORDER BY v.create_revision) - 1 AS place
      FROM latchkey.queue_version v
      WHERE v.next_revision IS NULL
    ) q
    WHERE q.space = '${prefix}'`;

const OWNER = (from: string) => `latchkey.json_of(latchkey.text_of(${from}.value_bytes)) -> 'owner' AS owner`;
const PROCLAIMED = (from: string) => `latchkey.text_of(${from}.value_bytes) AS value`;

/**
 * A key `<space>/<name>/<lease in hex>` that is attached to that lease stands in the queue, also without the leading zeros
 * of the lease; whoever was created first holds, once all before have left (ARCHITECTURE §1). In the escape format a slash
 * is a slash and everything is text, so the name is cut out there. The CASE is for speed: expressions only for few keys.
 *
 * Nobody returns to a queue under the same creation, so the versions of one creation are one interval; the first to come
 * holds from the revision in which the last of those before it left.
 */
const QUEUE_VIEWS = [
  String.raw`
    CREATE VIEW latchkey.queue_version AS
    SELECT CASE get_byte(v.key_bytes, 0) WHEN 108 THEN 'locks' ELSE 'elections' END AS space,
           latchkey.text_of(decode(
             substring(encode(v.key_bytes, 'escape') FROM '^[a-z]+/(.+)/[0-9a-f]{1,16}$'), 'escape')) COLLATE "C" AS name,
           v.*
    FROM latchkey.visible_version v
    WHERE CASE WHEN substring(v.key_bytes FROM 1 FOR 6) = 'locks/' OR substring(v.key_bytes FROM 1 FOR 10) = 'elections/'
               THEN encode(v.key_bytes, 'escape') ~ '^[a-z]+/.+/[0-9a-f]{1,16}$' END
      AND substring(encode(v.key_bytes, 'escape') FROM '[0-9a-f]{1,16}$') IN (v.lease, ltrim(v.lease, '0'))`,
  String.raw`
    CREATE VIEW latchkey.queue_interval AS
    SELECT b.space, b.name, b.lease, b.value_bytes, b.create_revision, b.entered_at, b.left_revision, b.left_at,
           CASE WHEN b.before IS NULL OR b.before[1] < b.create_revision THEN b.create_revision
                ELSE nullif(b.before[1], 9223372036854775807) END AS held_from_revision,
           CASE WHEN b.before IS NULL OR b.before[1] < b.create_revision THEN b.entered_at
                WHEN b.before[1] < 9223372036854775807 THEN to_timestamp(b.before[2] / 1000.0) END AS held_from
    FROM (
      SELECT m.*,
             max(ARRAY[coalesce(m.left_revision, 9223372036854775807),
                       coalesce(round(extract(epoch FROM m.left_at) * 1000)::bigint, 0)]) OVER (
               PARTITION BY m.space, m.name ORDER BY m.create_revision
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM (
        SELECT v.space, v.name, v.lease, v.create_revision,
               (array_agg(v.value_bytes ORDER BY v.revision DESC))[1] AS value_bytes,
               (array_agg(v.updated_at ORDER BY v.revision))[1] AS entered_at,
               (array_agg(v.next_revision ORDER BY v.revision DESC))[1] AS left_revision,
               (array_agg(v.next_updated_at ORDER BY v.revision DESC))[1] AS left_at
        FROM latchkey.queue_version v
        GROUP BY v.space, v.name, v.key_bytes, v.lease, v.create_revision
      ) m
    ) b`,
  presentView('locks', 'locks', OWNER('q')),
  presentView('elections', 'elections', PROCLAIMED('q')),
  historyView('lock_history', 'locks', OWNER('i')),
  historyView('election_history', 'elections', PROCLAIMED('i')),
];

const OTHER_VIEWS = [
  String.raw`
    CREATE VIEW latchkey.config AS
    SELECT latchkey.text_of(decode(substring(c.escaped FROM '^config/([^/]+)/.'), 'escape')) COLLATE "C" AS namespace,
           latchkey.text_of(decode(substring(c.escaped FROM '^config/[^/]+/(.+)$'), 'escape')) COLLATE "C" AS key,
           coalesce(latchkey.json_of(c.value), to_jsonb(c.value)) AS value, c.value AS value_text,
           c.create_revision, c.mod_revision, c.version, c.lease, c.updated_at
    FROM (SELECT k.*, encode(k.key_bytes, 'escape') AS escaped FROM latchkey.keys k) c
    WHERE CASE WHEN substring(c.key_bytes FROM 1 FOR 7) = 'config/' THEN c.escaped ~ '^config/[^/]+/.' END`,
  String.raw`
    CREATE VIEW latchkey.leases AS
    SELECT encode(substring(r.key FROM 2), 'hex') AS lease, latchkey.number_at(r.value, 0) AS ttl_ms,
           CASE WHEN octet_length(r.value) > 8 THEN latchkey.number_at(r.value, 8) END AS remaining_ttl_ms
    FROM latchkey.state_row r
    WHERE r.generation = (SELECT generation FROM latchkey.checkpoint) AND r.key >= '\x02' AND r.key < '\x03'`,
  String.raw`
    CREATE VIEW latchkey.status AS
    SELECT s.cluster_id AS cluster, s.node_id AS node, s.store_id, s.epoch, s.current_term AS term, s.voted_for,
           s.last_index AS log_last_index, c.snapshot_index AS applied_index, m.revision, m.compacted_revision
    FROM latchkey.store s CROSS JOIN latchkey.checkpoint c LEFT JOIN latchkey.compaction m ON true`,
];

/** Roles belong to the whole server: another node's may be there, and this node's user may not be allowed to make one. */
const CREATE_READER = `
  DO $$ BEGIN
    CREATE ROLE latchkey_reader NOLOGIN;
  EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
  END $$`;

const toReader = (statements: readonly string[]) => `
  DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'latchkey_reader') THEN ${statements.join(';')}; END IF;
  END $$`;

const VIEW_NAMES = PUBLIC_VIEWS.map((view) => `latchkey.${view}`).join(', ');
const GRANT_TO_READER = toReader([
  'GRANT USAGE ON SCHEMA latchkey TO latchkey_reader',
  `GRANT SELECT ON ${VIEW_NAMES} TO latchkey_reader`,
]);
const REVOKE_FROM_READER = toReader([
  'REVOKE USAGE ON SCHEMA latchkey FROM latchkey_reader',
  `REVOKE SELECT ON ${VIEW_NAMES} FROM latchkey_reader`,
]);
