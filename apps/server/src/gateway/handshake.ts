import type { IncomingMessage } from 'node:http';
import { errorBody, PROTOCOL_VERSION, type ErrorBody } from '@latchkey/contracts';

const MAX_CLIENT_NAME_CHARACTERS = 128;
const HANDSHAKE_FIELDS = new Set(['protocolVersion', 'clientName']);

/** Why a client's handshake is refused; null when it is not. */
export function refusalOfHandshake(auth: unknown): ErrorBody | null {
  if (typeof auth !== 'object' || auth === null) return invalid('auth', 'must be an object');
  // An object has named fields of unknown type.
  const fields = auth as Readonly<Record<string, unknown>>;
  if (fields['protocolVersion'] !== PROTOCOL_VERSION)
    return errorBody('PROTOCOL_VERSION', `this node speaks protocol version ${PROTOCOL_VERSION}`, {
      protocolVersion: PROTOCOL_VERSION,
    });
  for (const name of Object.keys(fields))
    if (!HANDSHAKE_FIELDS.has(name)) return invalid('auth', 'has an unknown field');
  const clientName = fields['clientName'];
  if (clientName === undefined) return null;
  if (typeof clientName !== 'string' || clientName.length > MAX_CLIENT_NAME_CHARACTERS)
    return invalid('clientName', `must be text of at most ${MAX_CLIENT_NAME_CHARACTERS} characters`);
  return null;
}

const invalid = (field: string, problem: string): ErrorBody =>
  errorBody('INVALID_ARGUMENT', `${field}: ${problem}`, { field });

/** A page of another site must not act through its visitor's browser (SECURITY S19); programs send no `Origin`. */
export function isForeignOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}
