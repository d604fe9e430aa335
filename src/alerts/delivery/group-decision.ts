// Whether a group is told now, and of what. Pure: what was told last, what holds now, and the time are given. Meaning and order of the
// reasons are Alertmanager's (its dedup stage): https://github.com/prometheus/alertmanager/blob/main/notify/notify.go
import type { GroupTiming } from '../../routing/route.ts';
import type { MessageReason } from '../notification.ts';

/** What a receiver heard last of a group: fingerprints. */
export interface Told {
  readonly atMs: number;
  readonly firing: ReadonlySet<string>;
  readonly resolved: ReadonlySet<string>;
}

/** What holds now, of the alerts of the group that are not muted: fingerprints. */
export interface GroupNow {
  readonly firing: ReadonlySet<string>;
  readonly resolved: ReadonlySet<string>;
}

export interface DecisionOptions extends Pick<GroupTiming, 'repeatIntervalMs'> {
  readonly nowMs: number;
  /** The receiver wants to hear of single alerts that end while others of the group go on; it hears of the end of the last one in any case. */
  readonly sendResolved: boolean;
}

/** Why the group is told now; undefined: it is not. */
export function decide(told: Told | undefined, now: GroupNow, options: DecisionOptions): MessageReason | undefined {
  // Who has heard nothing does not hear of an end.
  if (told === undefined) return now.firing.size > 0 ? 'first notification' : undefined;
  if (!isSubset(now.firing, told.firing)) return 'new alerts added';
  // What began and ended between two messages was never told.
  if (now.firing.size === 0) return told.firing.size > 0 ? 'all alerts resolved' : undefined;
  if (options.sendResolved && !isSubset(now.resolved, told.resolved)) return 'some alerts resolved';
  return told.atMs < options.nowMs - options.repeatIntervalMs ? 'repeat interval elapsed' : undefined;
}

function isSubset(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  for (const one of some) if (!all.has(one)) return false;
  return true;
}
