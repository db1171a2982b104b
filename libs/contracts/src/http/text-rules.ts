import { IsOptional, IsString, Matches, MaxLength, ValidateBy, type ValidationOptions } from 'class-validator';
import { MAX_KEY_BYTES } from '../limits.js';

const LEASE_ID = /^[0-7][0-9a-f]{15}$/;
/** Below 2^53, so that it is exact as a number. */
const NATURAL_NUMBER = /^\d{1,15}$/;
const NODE_ID = /^[A-Za-z0-9_.-]{1,64}$/;
/** No path: the transport has its own. */
const PEER_URL = /^http:\/\/[A-Za-z0-9._[\]:-]{1,255}:\d{1,5}$/;
/** Padding is optional, as curl users forget it; white space is not allowed. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Several decorators as one. */
function all(...decorators: readonly PropertyDecorator[]): PropertyDecorator {
  return (target, property) => {
    for (const decorate of decorators) decorate(target, property);
  };
}

export const IsLeaseIdText = (): PropertyDecorator =>
  Matches(LEASE_ID, { message: 'must be a lease id: 16 lower-case hex digits' });

export const IsNodeIdText = (): PropertyDecorator =>
  Matches(NODE_ID, { message: 'must be a node id: 1 to 64 letters, digits, dots, dashes or underscores' });

export const IsPeerUrlText = (): PropertyDecorator =>
  Matches(PEER_URL, { message: 'must be a URL such as http://10.0.0.4:7401' });

/** A number in a query, where everything is text. */
export const IsNaturalText = (): PropertyDecorator =>
  Matches(NATURAL_NUMBER, { message: 'must be an integer from 0 on' });

export const IsBooleanText = (): PropertyDecorator => Matches(/^(true|false)$/, { message: 'must be true or false' });

export const IsBase64Text = (): PropertyDecorator => Matches(BASE64, { message: 'must be base64' });

export const IsPrefixText = (): PropertyDecorator =>
  all(IsOptional(), IsString({ message: 'must be text' }), MaxLength(MAX_KEY_BYTES, { message: 'is too long' }));

/** Any JSON, but there has to be something. */
export const IsGiven = (options: ValidationOptions = {}): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isGiven',
      validator: { validate: (value: unknown) => value !== undefined, defaultMessage: () => 'is missing' },
    },
    options,
  );
