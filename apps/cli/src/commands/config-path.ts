import { usageError } from '../cli-error.js';

/**
 * `payments/limits/max` → namespace `payments`, key `limits/max`.
 * @throws CliError (usage)
 */
export function parseConfigKey(path: string): { readonly namespace: string; readonly key: string } {
  const { namespace, prefix } = parseConfigPrefix(path);
  if (prefix === '')
    throw usageError(`"${path}" names no key; write <namespace>/<key>, for example payments/limits/max`);
  return { namespace, key: prefix };
}

/** `payments`, `payments/` or `payments/limits/` → namespace and the beginning of the keys, which may be empty. */
export function parseConfigPrefix(path: string): { readonly namespace: string; readonly prefix: string } {
  const slash = path.indexOf('/');
  const namespace = slash === -1 ? path : path.slice(0, slash);
  if (namespace === '')
    throw usageError(`"${path}" has no namespace; write <namespace>/<key>, for example payments/limits/max`);
  return { namespace, prefix: slash === -1 ? '' : path.slice(slash + 1) };
}
