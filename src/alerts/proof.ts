// What `for` asks of an alert before it fires: that its condition has held for a time, or in M of the last N slots with a row. The window of
// M of N is an integer of 32 bits, the newest slot lowest, a 1 for a breach.
import type { ForPolicy } from './rule.ts';

/** The window after one more slot with a row; always 0 where `for` is a time. */
export function pushSample(history: number, isBreach: boolean, policy: ForPolicy): number {
  return 'ms' in policy ? 0 : ((history << 1) | (isBreach ? 1 : 0)) >>> 0;
}

/** Whether an alert that breaches fires. */
export function isProved(policy: ForPolicy, heldMs: number, history: number): boolean {
  return 'ms' in policy ? heldMs >= policy.ms : breachesIn(history, policy.of) >= policy.samples;
}

/** Whether the window still says what it said when the alert fired or, before that, when it became pending: a clear does not count yet. */
export function isStillBreached(policy: ForPolicy, history: number, hasFired: boolean): boolean {
  return !('ms' in policy) && breachesIn(history, policy.of) >= (hasFired ? policy.samples : 1);
}

function breachesIn(history: number, of: number): number {
  let window = of < 32 ? history & ((1 << of) - 1) : history;
  let count = 0;
  for (; window !== 0; count++) window &= window - 1;
  return count;
}
