import type { ClientBase, Connection, Submittable } from 'pg';

/**
 * What a query finds, as the server's COPY sends it in binary: copied-tuples.ts reads that. All of it is gathered, so the query
 * must bound it. node-postgres takes answers as text only, which makes bytea hexadecimal: twice as long, and several times
 * as slow at both ends (docs/decisions/0011-checkpoint-rows.md).
 * @param query without parameters, which COPY has not
 * @param expectedBytes of the answer; more is only slower
 * @throws any error of the client
 */
export function copyOut(client: ClientBase, query: string, expectedBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.query(
      new CopyOut(query, expectedBytes, (error, bytes) =>
        error === null ? resolve(bytes ?? Buffer.alloc(0)) : reject(error),
      ),
    );
  });
}

/** What node-postgres looks for has the names it uses; nobody else calls it. */
class CopyOut implements Submittable {
  private bytes: Buffer;
  private byteLength = 0;

  constructor(
    private readonly query: string,
    expectedBytes: number,
    /** Node-postgres puts one of its own in front, which ends its timer, and another when the time is over. */
    public callback: (error: Error | null, bytes?: Buffer) => void,
  ) {
    this.bytes = Buffer.allocUnsafeSlow(expectedBytes);
  }

  submit(connection: Connection): void {
    connection.query(`COPY (${this.query}) TO STDOUT (FORMAT binary)`);
  }

  /** @param chunk lies in the client's own buffer, which it uses again */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const end = this.byteLength + chunk.length;
    if (end > this.bytes.length) this.growTo(end);
    this.bytes.set(chunk, this.byteLength);
    this.byteLength = end;
  }

  handleCommandComplete(): void {
    // The next message is what ends it.
  }

  handleReadyForQuery(): void {
    this.callback(null, this.bytes.subarray(0, this.byteLength));
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  private growTo(byteLength: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(byteLength, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.byteLength));
    this.bytes = grown;
  }
}
