import { LogStoreError } from '@latchkey/replica';

/** A database URL as it may be shown: user, host, port and database; never the password, nor any parameter. */
export function shownAddress(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    // The text is not shown: a password could be anywhere in it.
    throw new LogStoreError(
      'unavailable',
      'the database URL is not of the form postgres://user:password@host:port/name',
    );
  }
  const user = parsed.username === '' ? '' : `${parsed.username}@`;
  return `database ${user}${parsed.host}${parsed.pathname}`;
}
