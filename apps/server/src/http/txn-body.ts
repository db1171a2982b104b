import { MAX_TXN_DEPTH } from '@latchkey/contracts';
import { wireError } from '../commands/wire-error.js';
import { bytesOfJson } from './json-shapes.js';

/**
 * The JSON of `POST /v1/txn` as a request of the client wire, to be checked there: texts become bytes, and a range may be
 * written flat (`{"op": "delete", "key": "a"}`) or as on the wire (`"range": {"key": "a"}`).
 */
export function txnOfJson(body: Fields, depth = 0): Fields {
  if (depth > MAX_TXN_DEPTH)
    throw wireError('INVALID_ARGUMENT', 'transactions are nested too deep', { field: 'success' });
  const { compare = [], success = [], failure = [], ...others } = body;
  return {
    ...others,
    compare: mapped(compare, comparisonOfJson),
    success: mapped(success, (operation) => operationOfJson(operation, depth)),
    failure: mapped(failure, (operation) => operationOfJson(operation, depth)),
  };
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whatever is not as it should be is left for the wire's own check, which names it. */
function mapped(list: unknown, change: (item: Fields) => Fields): unknown {
  return Array.isArray(list) ? list.map((item: unknown) => (isFields(item) ? change(item) : item)) : list;
}

function operationOfJson(operation: Fields, depth: number): Fields {
  switch (operation['op']) {
    case 'put': {
      const { value, valueBase64, ...others } = operation;
      return { ...others, value: bytesOfJson({ value, valueBase64 }) };
    }
    case 'txn':
      return txnOfJson(operation, depth + 1);
    default:
      return withRange(operation);
  }
}

function comparisonOfJson(comparison: Fields): Fields {
  const { operandBase64, ...others } = withRange(comparison);
  if (others['target'] !== 'value') return { ...others, ...(operandBase64 === undefined ? {} : { operandBase64 }) };
  return { ...others, operand: bytesOfJson({ value: others['operand'], valueBase64: operandBase64 }) };
}

function withRange(fields: Fields): Fields {
  if (fields['range'] !== undefined) return fields;
  const { key, prefix, from, to, ...others } = fields;
  const range = Object.fromEntries(
    Object.entries({ key, prefix, from, to }).filter(([, value]) => value !== undefined),
  );
  return { ...others, range };
}
