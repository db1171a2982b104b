import type { Client, JuteRequest } from 'node-zookeeper-client';

/** Of ZooKeeper's protocol (ZooDefs.OpCode). */
const OP_SYNC = 9;
const OP_DELETE = 2;

/**
 * ZooKeeper's `sync`: what is read on this connection afterwards is at least as new as the leader was when the sync reached it. The
 * client has no such method and drops the connection at an answer to an operation it does not know, so it is told, once the
 * request has been written, that it was a delete, whose answer it reads without a body.
 */
export function sync(client: Client, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.connectionManager.queue(new SyncRequest(path), (error) => (error === null ? resolve() : reject(error)));
  });
}

class SyncRequest implements JuteRequest {
  readonly header = { xid: 0, type: OP_SYNC };

  constructor(private readonly path: string) {}

  /** length, xid, type, path (each number an int32, the path with its length before it) */
  toBuffer(): Buffer {
    const pathLength = Buffer.byteLength(this.path);
    const bytes = Buffer.alloc(16 + pathLength);
    bytes.writeInt32BE(12 + pathLength, 0);
    bytes.writeInt32BE(this.header.xid, 4);
    bytes.writeInt32BE(OP_SYNC, 8);
    bytes.writeInt32BE(pathLength, 12);
    bytes.write(this.path, 16);
    this.header.type = OP_DELETE;
    return bytes;
  }
}
