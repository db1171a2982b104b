/** A Postgres server of one node, run from files that npm installed. */
export type RunningDatabase = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Fast shutdown; resolves when the server has ended. */
  stop(): Promise<void>;
};

/** Initialises the data directory when it is new, and starts the server. Without a port, on a free one. */
export type DatabaseStarter = (options: {
  readonly dataDirectory: string;
  readonly port?: number;
  readonly log: (line: string) => void;
}) => Promise<RunningDatabase>;
