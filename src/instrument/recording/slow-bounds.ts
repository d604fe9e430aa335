// What counts as slow, for each series by itself, without configuration: longer than about 99 % of the series' own executions.
import { grown } from '../grown.ts';

/** Executions of a series before any of them can be slow. */
const WARM_UP = 100;
/** The share of the executions that lies above the bound once it has settled. */
const SLOW_SHARE = 0.01;
/** How fast the bound follows: up by 20 % with each execution above it (doubled by 4), down by 0.2 % else (halved by 350). */
const STEP = 0.2;
const UP = 1 + STEP * (1 - SLOW_SHARE);
const DOWN = 1 - STEP * SLOW_SHARE;
/** Durations come from a clock of microseconds: a bound of 0 could never rise. */
const LEAST_MS = 0.001;

/**
 * The bound of a series is a running estimate of its 99th percentile ("frugal streaming": up by a large step when an execution lies above
 * it, down by a step 99 times smaller when not; Ma, Muthukrishnan and Sandler, https://arxiv.org/abs/1407.1121). It needs two numbers per
 * series and no sorting, follows when all executions become slower, and so never calls more than about one in a hundred slow for long.
 */
export class SlowBounds {
  #boundMs = new Float64Array(64);
  #seen = new Uint8Array(64);

  /** Notes a success, which the bound then follows. @returns whether it is slow for its series */
  isSlow(series: number, durationMs: number): boolean {
    if (series >= this.#boundMs.length) this.#grow(series);
    const boundMs = this.#boundMs[series] as number;
    const seen = this.#seen[series] as number;
    if (seen < WARM_UP) {
      this.#seen[series] = seen + 1;
      if (!(durationMs <= boundMs)) this.#boundMs[series] = durationMs > LEAST_MS ? durationMs : LEAST_MS;
      return false;
    }
    const isSlow = durationMs > boundMs;
    this.#boundMs[series] = isSlow ? boundMs * UP : boundMs > LEAST_MS ? boundMs * DOWN : boundMs;
    return isSlow;
  }

  #grow(series: number): void {
    this.#boundMs = grown(this.#boundMs, series + 1);
    this.#seen = grown(this.#seen, series + 1);
  }
}
