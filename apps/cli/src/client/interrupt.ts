import { constants } from 'node:os';
import { SIGNAL_EXIT_BASE } from '../exit-code.js';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The first Ctrl-C (or SIGTERM, SIGHUP) as an AbortSignal; a second one ends the process at once. */
export type Interrupt = {
  readonly signal: AbortSignal;
  /** 128 + the signal's number, as shells count; null when none came. */
  readonly exitCode: () => number | null;
  readonly stopListening: () => void;
};

export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let received: NodeJS.Signals | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (received !== null) process.exit(signalExitCode(received));
    received = signal;
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    exitCode: () => (received === null ? null : signalExitCode(received)),
    stopListening: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

export function signalExitCode(signal: NodeJS.Signals): number {
  return SIGNAL_EXIT_BASE + constants.signals[signal];
}
