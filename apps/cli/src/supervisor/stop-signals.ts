const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** npm sends the terminal's Ctrl-C on to a program that already got it; that echo is not a second wish. */
const ECHO_MS = 600;

export type StopSignals = {
  /** Aborts at the first Ctrl-C (or SIGTERM, SIGHUP). */
  readonly requested: AbortSignal;
  ignore(): void;
};

/** Turns stop signals into an AbortSignal. `force` is called at the second one. */
export function listenForStop(force: () => void): StopSignals {
  const controller = new AbortController();
  let firstAt: number | null = null;
  const onSignal = (): void => {
    if (firstAt === null) {
      firstAt = performance.now();
      controller.abort();
    } else if (performance.now() - firstAt > ECHO_MS) {
      force();
    }
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  return {
    requested: controller.signal,
    ignore: () => {
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
    },
  };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Whoever started this process holds the other end of its stdin: when that closes, even by SIGKILL, this stops, too. */
export function stopWithStdin(): void {
  process.stdin.resume();
  // Watching must not keep the process alive. (A stdin that is a file has no unref, and closes by itself.)
  if ('unref' in process.stdin) process.stdin.unref();
  process.stdin.once('close', () => process.kill(process.pid, 'SIGTERM'));
}
