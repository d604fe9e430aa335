// What happens when Keepwatch's own code throws inside the host app: it is counted, and logged at most once a minute.
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Redact } from './error-redaction.ts';

const LOG_INTERVAL_MS = 60_000;

/** Counts our own failures. `note` never throws. */
export class InternalErrors {
  readonly #logger: Logger;
  readonly #redact: Redact | undefined;
  readonly #monotonicMs: () => number;
  readonly #loggedAtMs = new Map<string, number>();
  #count = 0;

  /** @param redact takes out of what is logged what must not be; default: credentials in URLs alone */
  constructor(logger: Logger, monotonicMs: () => number, redact?: Redact) {
    this.#redact = redact;
    this.#logger = logger;
    this.#monotonicMs = monotonicMs;
  }

  get count(): number {
    return this.#count;
  }

  /** @param place one of a few fixed texts that say what failed; each is logged at most once a minute */
  note(place: string, error: unknown): void {
    this.#count++;
    try {
      const nowMs = this.#monotonicMs();
      const loggedAtMs = this.#loggedAtMs.get(place);
      if (loggedAtMs !== undefined && nowMs - loggedAtMs < LOG_INTERVAL_MS) return;
      this.#loggedAtMs.set(place, nowMs);
      this.#logger.error(
        { place, error: describeError(error, this.#redact), errors: this.#count },
        'keepwatch failed inside; the app goes on',
      );
    } catch {
      // A logger or a clock that throws must not reach the app either; the error is counted.
    }
  }
}
