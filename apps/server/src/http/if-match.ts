import { wireError } from '../commands/wire-error.js';

/** `If-Match: 7` or, as an entity tag, `"7"`. 0 = the key must not exist. @throws WireError */
export function revisionOfIfMatch(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const digits = /^"?(\d{1,15})"?$/.exec(header)?.[1];
  if (digits === undefined)
    throw wireError('INVALID_ARGUMENT', 'If-Match: must be a modRevision', { field: 'If-Match' });
  return Number(digits);
}

export const optionalNumber = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);
