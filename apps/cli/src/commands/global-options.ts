import { Option, type Command } from 'commander';
import { parseEndpoints } from '../client/endpoints.js';
import { parseDurationMs } from '../duration.js';

/** Understood by every command, before or after its name. */
export type GlobalOptions = {
  readonly endpoints: readonly string[];
  readonly json: boolean;
  readonly timeoutMs: number;
};

const DEFAULT_TIMEOUT = '10s';
const DEFAULT_ENDPOINTS = 'http://127.0.0.1:7301,7302,7303';

export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option('--endpoints <urls>', 'nodes of the cluster; a bare port repeats the host before it')
        .env('LATCHKEY_ENDPOINTS')
        .default(DEFAULT_ENDPOINTS),
    )
    .option('--timeout <duration>', 'how long a call may take, fail-over included', DEFAULT_TIMEOUT)
    .option('--json', 'print JSON for machines', false);
}

type GlobalFlags = { readonly endpoints: string; readonly json: boolean; readonly timeout: string };

/** @throws CliError (usage) when the endpoints cannot be read. */
export function globalOptions(command: Command): GlobalOptions {
  const { endpoints, json, timeout } = command.optsWithGlobals<GlobalFlags>();
  return { endpoints: parseEndpoints(endpoints), json, timeoutMs: parseDurationMs(timeout) };
}
