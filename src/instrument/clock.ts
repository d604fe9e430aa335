// The one clock of a process: a wall-clock anchor plus the monotonic clock. Its time never goes back.
import { performance } from 'node:perf_hooks';

/** How far the wall clock may run ahead before `adjust` follows it. */
const TOLERANCE_MS = 1000;

export interface Clock {
  /** Milliseconds since the epoch, with fractions: `anchorMs + monotonicMs()`. Never less than what it said before. */
  now(): number;
  /** Milliseconds of the monotonic clock: for durations, and to read the clock once where a moment and a duration are needed. */
  readonly monotonicMs: () => number;
  /** What `monotonicMs()` has to be added to. Only ever grows. */
  readonly anchorMs: number;
  /**
   * Follows the wall clock forward when it is more than a second ahead (the machine was suspended, NTP made a step). A wall clock that
   * was set back changes nothing. Called by the pump at each tick, not per event.
   * @returns by how many milliseconds the clock moved; 0 nearly always
   */
  adjust(): number;
}

/** Where the time comes from; tests give their own. */
export interface ClockSources {
  /** Milliseconds since the epoch; may jump. Default `Date.now`. */
  readonly wallMs?: () => number;
  /** Milliseconds from any origin; never goes back. Default `performance.now`. */
  readonly monotonicMs?: () => number;
}

/** A clock that agrees with the wall clock (to a millisecond) at the moment it is created. */
export function createClock({ wallMs = Date.now, monotonicMs = () => performance.now() }: ClockSources = {}): Clock {
  let anchorMs = wallMs() - monotonicMs();
  return {
    now: () => anchorMs + monotonicMs(),
    monotonicMs,
    get anchorMs() {
      return anchorMs;
    },
    adjust() {
      const aheadMs = wallMs() - monotonicMs() - anchorMs;
      if (!(aheadMs > TOLERANCE_MS)) return 0;
      anchorMs += aheadMs;
      return aheadMs;
    },
  };
}
