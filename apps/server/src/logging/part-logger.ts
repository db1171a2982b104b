import { pino } from 'pino';
import type { LogLevels } from '../settings/settings.js';

export const LOGGERS = Symbol('Loggers');

type Details = Readonly<Record<string, unknown>>;

/** Log of one part of the node. One JSON object per line; control characters are escaped, so no value can forge a line. */
export interface PartLogger {
  info(message: string, details?: Details): void;
  warn(message: string, details?: Details): void;
  error(message: string, details?: Details): void;
  fatal(message: string, details?: Details): void;
  debug(message: string, details?: Details): void;
  trace(message: string, details?: Details): void;
}

export interface Loggers {
  part(name: string): PartLogger;
}

/** What a stranger wrote may be long; a log line shall not be. */
const MAX_TEXT_CHARACTERS = 1_024;

export function createLoggers(options: {
  readonly nodeId: string;
  readonly levels: LogLevels;
  readonly destination?: { write(line: string): void };
}): Loggers {
  const root = pino(
    { level: options.levels.general, base: { node: options.nodeId }, timestamp: pino.stdTimeFunctions.isoTime },
    // Synchronous: a node that stops at once must not lose the line that says why.
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
  return {
    part: (name) => {
      const child = root.child({ part: name }, { level: options.levels.byPart.get(name) ?? options.levels.general });
      const at =
        (level: 'info' | 'warn' | 'error' | 'fatal' | 'debug' | 'trace') =>
        (message: string, details: Details = {}): void =>
          child[level](cut(details), message.slice(0, MAX_TEXT_CHARACTERS));
      return {
        info: at('info'),
        warn: at('warn'),
        error: at('error'),
        fatal: at('fatal'),
        debug: at('debug'),
        trace: at('trace'),
      };
    },
  };
}

function cut(details: Details): Details {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(details)) {
    if (typeof value === 'string') shown[name] = value.slice(0, MAX_TEXT_CHARACTERS);
    else if (value instanceof Error) shown[name] = (value.stack ?? value.message).slice(0, 2 * MAX_TEXT_CHARACTERS);
    else shown[name] = value;
  }
  return shown;
}
