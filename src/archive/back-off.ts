// How long to wait before trying again, and one log line per change between well and unwell.
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** Grows from 0.5 s to 15 s with every failure, with jitter, so that many processes do not come back at once. */
export class BackOff {
  readonly #logger: Logger;
  readonly #what: string;
  readonly #consequence: string;
  readonly #now: () => number;
  #failures = 0;
  #untilMs = -Infinity;
  #reason: string | undefined;
  #sinceMs = 0;

  /**
   * @param what is tried, as log lines name it
   * @param consequence what follows while it fails
   */
  constructor(
    what: string,
    logger: Logger,
    {
      consequence = 'events wait in the spool',
      now = () => performance.now(),
    }: { consequence?: string; now?: () => number } = {},
  ) {
    this.#what = what;
    this.#logger = logger;
    this.#consequence = consequence;
    this.#now = now;
  }

  /** Whether it is too early to try again. */
  get isWaiting(): boolean {
    return this.#now() < this.#untilMs;
  }

  /** What the last attempt said; undefined when it was well. */
  get reason(): string | undefined {
    return this.#reason;
  }

  fail(error: unknown): void {
    const reason = describeError(error);
    if (this.#reason === undefined) {
      this.#sinceMs = this.#now();
      this.#logger.warn({ reason }, `${this.#what} degraded: ${this.#consequence}`);
    }
    this.#reason = reason;
    const delayMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++);
    this.#untilMs = this.#now() + delayMs * (0.5 + Math.random() / 2);
  }

  succeed(): void {
    if (this.#reason !== undefined) {
      const afterSeconds = Math.round((this.#now() - this.#sinceMs) / 1000);
      this.#logger.info({ afterSeconds, reason: this.#reason }, `${this.#what} recovered`);
    }
    this.#failures = 0;
    this.#untilMs = -Infinity;
    this.#reason = undefined;
  }
}
