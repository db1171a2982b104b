import type { KvEntry } from '@latchkey/sdk';

/** The value as text, or null when its bytes are no UTF-8. */
export function textOrNull(value: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    return null;
  }
}

/** A key as `--json` shows it: `value` for text, `valueBase64` for other bytes, as over HTTP. */
export function entryJson(entry: KvEntry): Readonly<Record<string, unknown>> {
  const { key, createRevision, modRevision, version, lease, updatedAt } = entry;
  const text = textOrNull(entry.value);
  const value = text === null ? { valueBase64: Buffer.from(entry.value).toString('base64') } : { value: text };
  return { key, ...value, createRevision, modRevision, version, lease, updatedAt };
}
