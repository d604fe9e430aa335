// What a run hands to the campaign.
import type { Plan } from './plan.ts';

export interface RunResult {
  readonly plan: Plan<'in-process'> | Plan<'process'>;
  /** That found something to happen to. */
  readonly faults: number;
  /** Recorded by its apps. */
  readonly events: number;
  /** What did not hold, a sentence each; empty: passed. */
  readonly problems: readonly string[];
  /** The longest time that its apps could not go on, those left out that were stopped on purpose. */
  readonly longestBlockMs: number;
  /** 99 of 100 calls that were recorded took no longer on top of their own time; undefined where apps do not measure it. */
  readonly recordP99Us?: number;
  readonly seconds: number;
}
