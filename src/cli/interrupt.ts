// Ctrl-C for commands that stop in order: what is done stays done, and is said; a second one ends the process at once.

/** What a shell says of a command that Ctrl-C has ended. */
const INTERRUPTED = 130;

/** A signal so soon after the first is the same Ctrl-C, passed on by npm. */
const SAME_CTRL_C_MS = 1000;

/** Runs the work with a signal that SIGINT, SIGTERM and SIGHUP abort. The exit code is 130 then, whatever the work returns. */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let firstAt = 0;
  const onSignal = () => {
    if (!stop.signal.aborted) {
      firstAt = performance.now();
      stop.abort(new Error('stopped'));
    } else if (performance.now() - firstAt > SAME_CTRL_C_MS) process.exit(INTERRUPTED);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const name of signals) process.off(name, onSignal);
    if (stop.signal.aborted) process.exitCode = INTERRUPTED;
  }
}
