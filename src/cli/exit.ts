// From errors to exit codes and one clear line; from Ctrl-C to a clean stop.
import { describeError, KeepwatchError, type KeepwatchErrorCode } from '../errors.ts';

/** What the exit code of every command means. */
export const EXIT = { ok: 0, checkFailed: 1, usage: 2, unavailable: 3 } as const;

const UNAVAILABLE = new Set<KeepwatchErrorCode>(['ERR_DATABASE_UNAVAILABLE', 'ERR_DATABASE_SCHEMA', 'ERR_EMBEDDED_POSTGRES']);

/** 3 when something that the command needs is down, 2 when it was asked or configured wrongly, 1 for a failure of our own. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof KeepwatchError)) return EXIT.checkFailed;
  return UNAVAILABLE.has(error.code) ? EXIT.unavailable : EXIT.usage;
}

/** One line a problem, each led by `keepwatch:`; the stack only for errors that nobody foresaw. */
export function reportError(error: unknown): void {
  if (error instanceof KeepwatchError) {
    for (const line of error.message.split('\n')) process.stderr.write(`keepwatch: ${line}\n`);
    return;
  }
  process.stderr.write(`keepwatch: ${describeError(error)}\n`);
  if (error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
}

/** A signal so soon after the first is the same Ctrl-C: the terminal sends it to every process of the group, and npm passes it on again. */
const SAME_CTRL_C_MS = 1000;

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a later second one ends the process at once. */
export function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      if (firstAt !== undefined && performance.now() - firstAt > SAME_CTRL_C_MS) process.exit(130);
      firstAt ??= performance.now();
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}
