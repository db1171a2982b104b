import type { ClientBase, Connection, Submittable } from 'pg';
import { StatementBytes, type StatementValue } from './statement-bytes.js';

/** A prepared statement whose answer is at most one row of one column, as text. */
export type StatementText = { readonly name: string; readonly text: string };

type ConnectionState = { readonly bytes: StatementBytes; readonly preparedNames: Set<string> };

/** Never shared: what one has not sent yet must not change. */
const states = new WeakMap<Connection, ConnectionState>();

function stateOf(connection: Connection): ConnectionState {
  let state = states.get(connection);
  if (state === undefined) {
    state = { bytes: new StatementBytes(), preparedNames: new Set() };
    states.set(connection, state);
  }
  return state;
}

/**
 * Runs a statement as node-postgres' own `Query` does, less what the log's hot path has no use for: the description of the
 * answer's columns is neither asked for nor built into objects again for each write, and parameters are written where those of
 * the last statement were.
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
    const { bytes, preparedNames } = stateOf(connection);
    // All messages leave as one.
    stream.cork();
    if (!preparedNames.has(name)) connection.parse({ name, text, types: [] }, true);
    // As node-postgres does: a connection that has ended says so by itself.
    if (stream.writable) stream.write(bytes.write(name, this.values));
    stream.uncork();
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.answer ??= fields[0] ?? null;
  }

  handleCommandComplete(): void {
    if (this.connection !== null) stateOf(this.connection).preparedNames.add(this.statement.name);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.answer);
  }

  handleError(error: Error): void {
    this.callback(error);
  }
}
