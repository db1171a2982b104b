export const SUPERUSER = 'latchkey';
/** initdb makes this one; a second database would only cost start-up time. */
export const DATABASE = 'postgres';

/** One node: its log store, a person with psql, and what a graceful restart needs in passing. */
const MAX_CONNECTIONS = 20;

/** Autovacuum looks this often for work; each look starts a process. */
const AUTOVACUUM_NAPTIME = '60s';

/**
 * postgresql.conf for a server that does one thing: append small batches and make each durable.
 * Rewritten at every start. Reasons and measurements: docs/decisions/0006-embedded-postgres.md.
 */
export function serverSettings(port: number): string {
  const settings: Readonly<Record<string, string>> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(MAX_CONNECTIONS),
    password_encryption: 'scram-sha-256',
    // What Latchkey promises rests on these three; the log store refuses a server that lacks them.
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    // A new WAL segment filled with zeros first stalls every commit meanwhile; a used one renamed needs no new blocks.
    wal_init_zero: 'off',
    wal_recycle: 'on',
    wal_level: 'minimal',
    max_wal_senders: '0',
    wal_buffers: '4MB',
    min_wal_size: '128MB',
    max_wal_size: '512MB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: '0.9',
    shared_buffers: '32MB',
    huge_pages: 'off',
    max_worker_processes: '2',
    max_parallel_workers: '0',
    max_parallel_workers_per_gather: '0',
    max_parallel_maintenance_workers: '0',
    max_logical_replication_workers: '0',
    // No I/O worker processes: the whole database fits in memory.
    io_method: 'sync',
    jit: 'off',
    autovacuum: 'on',
    autovacuum_max_workers: '1',
    autovacuum_naptime: AUTOVACUUM_NAPTIME,
    // Sleep long: commits flush for themselves (synchronous_commit), and waking up is most of an idle server's work.
    wal_writer_delay: '10s',
    bgwriter_delay: '10s',
    update_process_title: 'off',
    log_checkpoints: 'off',
    log_autovacuum_min_duration: '-1',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] ',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'`);
  return `# Written by Latchkey at every start; changes here are lost.\n${lines.join('\n')}\n`;
}

/** pg_hba.conf: a password for everybody, from this machine only. */
export const CLIENT_AUTHENTICATION = `# Written by Latchkey at every start; changes here are lost.
host all all 127.0.0.1/32 scram-sha-256
`;
