// How an execution in the caller's hands ends: as it is said, or as the result does that is followed to its end.
import type { Execution } from './execution.ts';
import { attempt, type ExecutionEnd } from './execution-options.ts';
import type { Ending } from './follow/following.ts';
import { STATUS_CODES } from './recording/ring.ts';

const STATUS_NAMES = Object.keys(STATUS_CODES);

/** The parts of an end that can be read. */
export function readEnd(end: ExecutionEnd | undefined) {
  return { status: attempt(() => end?.status), error: attempt(() => end?.error), metadata: attempt(() => end?.metadata) };
}

/** Ends an execution as it is said; without a status, an error makes it a failure. */
export function finishExecution(execution: Execution, { status, error }: { status?: unknown; error?: unknown }): void {
  if (status === 'aborted') execution.abort();
  else if (status === 'success' || (status !== 'failure' && error === undefined)) execution.end();
  else execution.fail(error);
}

/** Ends it when what it gave has ended. */
export function endingOf(execution: Execution): Ending {
  return {
    startMs: execution.startMs ?? 0,
    end(status, error, added) {
      if (added !== undefined) execution.set(added);
      finishExecution(execution, { status: STATUS_NAMES[status], error });
    },
  };
}
