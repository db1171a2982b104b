import { usageError } from '../cli-error.js';

const PORT = /^\d{1,5}$/;

/**
 * `http://127.0.0.1:7301,7302,other:7301` → URLs. A bare port repeats the host before it; a missing scheme is http.
 * @throws CliError (usage) naming the endpoint that is none
 */
export function parseEndpoints(text: string): readonly string[] {
  const endpoints: string[] = [];
  let previous: URL | null = null;
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue;
    const url = endpointUrl(part, previous);
    if (url === null) throw usageError(`endpoint "${part}" must be like http://127.0.0.1:7301`);
    previous = url;
    endpoints.push(url.origin);
  }
  if (endpoints.length === 0) throw usageError('no endpoints given; write for example http://127.0.0.1:7301,7302,7303');
  return endpoints;
}

function endpointUrl(part: string, previous: URL | null): URL | null {
  if (PORT.test(part))
    return previous === null ? null : urlOrNull(`${previous.protocol}//${previous.hostname}:${part}`);
  return urlOrNull(part.includes('://') ? part : `http://${part}`);
}

function urlOrNull(text: string): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const isEndpoint = /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '' && url.username === '';
  return isEndpoint ? url : null;
}
