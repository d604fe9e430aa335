// All that a configuration says of who hears of what, and when.
import type { InhibitRule } from './inhibition.ts';
import type { Route } from './route.ts';
import type { TimeInterval } from './time-interval.ts';

/** Who hears of an alert that nobody has acknowledged for a while. */
export interface EscalationLevel {
  readonly receiver: string;
  /** After the alert begins to fire. */
  readonly afterMs: number;
}

/** How often an alert may begin and end within how many slots before it is told as flapping, until it is quiet for as long. */
export interface FlapDamping {
  readonly changes: number;
  readonly slots: number;
}

/** Routes and what belongs to them, checked: every name that stands in it is there. */
export interface Routing {
  /** Undefined: each alert is told alone, at once, to the first receiver. */
  readonly route?: Route | undefined;
  readonly inhibitRules: readonly InhibitRule[];
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>;
  readonly escalations: ReadonlyMap<string, readonly EscalationLevel[]>;
  /** Undefined: every change is told. */
  readonly flapDamping?: FlapDamping | undefined;
}
