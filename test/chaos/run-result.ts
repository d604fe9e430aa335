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
  /** The longest time that the archive kept its app from going on. */
  readonly longestBlockMs: number;
  readonly seconds: number;
}
