import type { Socket } from 'node:net';

const LENGTH_BYTES = 4;

/** A message with its length in front. */
export function frameOf(parts: readonly Buffer[]): Buffer {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32LE(parts.reduce((sum, part) => sum + part.length, 0));
  return Buffer.concat([length, ...parts]);
}

/** Gives each message of the socket, as a view of what was read. */
export function readFrames(socket: Socket, onFrame: (content: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (read: Buffer) => {
    const bytes = rest.length === 0 ? read : Buffer.concat([rest, read]);
    let start = 0;
    while (bytes.length - start >= LENGTH_BYTES) {
      const end = start + LENGTH_BYTES + bytes.readUInt32LE(start);
      if (end > bytes.length) break;
      onFrame(bytes.subarray(start + LENGTH_BYTES, end));
      start = end;
    }
    rest = bytes.subarray(start);
  });
}
