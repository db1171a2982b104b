import type { ClientBase, Connection, Submittable } from 'pg';

/** A prepared statement whose answer is at most one row of one column, as text. */
export type StatementText = { readonly name: string; readonly text: string };
export type StatementValue = Buffer | string | null;

/** Which connections know which statements by name. */
const prepared = new WeakMap<Connection, Set<string>>();

/**
 * Runs a statement as node-postgres' own `Query` does, less what the log's hot path has no use for: the description of the
 * answer's columns is neither asked for nor built into objects again for each write, and parameters are not looked at twice.
 * `Submittable` is node-postgres' own extension point. What it saves: docs/decisions/0005-log-rows.md.
 * @returns the first column of the first row; null when there was no row
 * @throws any error of the client, also that of `answerTimeoutMs`. The connection is not to be used after one.
 */
export function runLean(
  client: ClientBase,
  statement: StatementText,
  { values, answerTimeoutMs }: { readonly values: StatementValue[]; readonly answerTimeoutMs: number },
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    client.query(
      new LeanStatement(statement, values, answerTimeoutMs, (error, answer) =>
        error === null ? resolve(answer ?? null) : reject(error),
      ),
    );
  });
}

/** What node-postgres looks for has the names it uses; nobody else calls it. */
class LeanStatement implements Submittable {
  private answer: string | null = null;
  private connection: Connection | null = null;

  constructor(
    private readonly statement: StatementText,
    private readonly values: StatementValue[],
    readonly query_timeout: number,
    /** Node-postgres puts one of its own in front, which ends its timer, and another when the time is over. */
    public callback: (error: Error | null, answer?: string | null) => void,
  ) {}

  submit(connection: Connection): void {
    this.connection = connection;
    const { name, text } = this.statement;
    const { stream } = connection;
    // All messages leave as one.
    stream.cork();
    if (prepared.get(connection)?.has(name) !== true) connection.parse({ name, text, types: [] }, true);
    connection.bind({ statement: name, values: this.values }, true);
    connection.execute(null, true);
    connection.sync();
    stream.uncork();
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.answer ??= fields[0] ?? null;
  }

  handleCommandComplete(): void {
    const { connection } = this;
    if (connection === null) return;
    const names = prepared.get(connection);
    if (names === undefined) prepared.set(connection, new Set([this.statement.name]));
    else names.add(this.statement.name);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.answer);
  }

  handleError(error: Error): void {
    this.callback(error);
  }
}
