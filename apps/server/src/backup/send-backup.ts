import type { ServerResponse } from 'node:http';
import type { OpenBackup } from './backups.js';

/**
 * A client that takes nothing for so long is cut off: meanwhile the database may not reclaim what is deleted, and would
 * itself end the view after a minute.
 */
export const MAX_STALL_MS = 30_000;

/** What became of a download. `reason` names what broke it; the client sees that its end is missing. */
export type SendResult = { readonly byteCount: number; readonly brokenBy: Error | null };

/** Sends a backup as fast as the client takes it, one piece in memory at a time. Never rejects; closes the backup. */
export async function sendBackup(
  backup: OpenBackup,
  response: ServerResponse,
  maxStallMs = MAX_STALL_MS,
): Promise<SendResult> {
  let byteCount = 0;
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="${backup.header.clusterId}-${backup.header.revision}.backup"`,
    'cache-control': 'no-store',
  });
  try {
    for await (const chunk of backup.chunks) {
      if (response.destroyed) throw new Error('the client went away');
      byteCount += chunk.byteLength;
      if (!response.write(chunk)) await drained(response, maxStallMs);
    }
    response.end();
    return { byteCount, brokenBy: null };
  } catch (error) {
    // Not an orderly end, which would look like a whole answer.
    response.destroy();
    return { byteCount, brokenBy: error instanceof Error ? error : new Error(String(error)) };
  } finally {
    await backup.close().catch(() => undefined);
  }
}

function drained(response: ServerResponse, maxStallMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      response.off('close', onClose);
      if (error === null) resolve();
      else reject(error);
    };
    const onDrain = (): void => settle(null);
    const onClose = (): void => settle(new Error('the client went away'));
    const timer = setTimeout(() => settle(new Error(`the client took nothing for ${maxStallMs} ms`)), maxStallMs);
    response.on('drain', onDrain);
    response.on('close', onClose);
    if (response.destroyed) onClose();
  });
}
