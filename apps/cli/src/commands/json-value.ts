import { usageError } from '../cli-error.js';

/** Begins like JSON, so that whoever wrote it meant JSON. */
const MEANT_AS_JSON = /^\s*[[{"]/;

/**
 * A value from the command line: JSON when it is JSON (`100`, `true`, `{"a":1}`), else the text itself (`hello`).
 * @throws CliError (usage) for text that begins like JSON and is none: stored as text it would only be found out later
 */
export function parseValue(text: string, asText: boolean): unknown {
  if (asText) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    if (MEANT_AS_JSON.test(text))
      throw usageError(`the value is not valid JSON (use --string to store it as text): ${text}`);
    return text;
  }
}

/** For people: text as it is, everything else as JSON. */
export function showValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
