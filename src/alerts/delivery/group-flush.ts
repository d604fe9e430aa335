// A group is looked at: who of it is muted, whether its receiver is told, and what is known then. Pure; the dispatcher does it under the
// lock of the group, tests in virtual time. Order as in Alertmanager: inhibition, times, silences, then what was told before.
import { decide, type GroupNow, type MessageReason, type Told } from './group-decision.ts';
import type { Inhibitor } from './inhibition.ts';
import { type Labels, type Matcher, matchesAll } from './matcher.ts';
import type { Route } from './route.ts';
import { isWithin, type TimeInterval } from './time-interval.ts';

/** An alert of a group. */
export interface GroupAlert {
  readonly fingerprint: string;
  readonly labels: Labels;
  readonly isFiring: boolean;
}

/** A silence that holds at the moment. */
export interface ActiveSilence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
}

/** Why nobody is told of an alert. */
export type MutedBy = 'inhibited' | 'mute_time' | 'silenced';

/** What all groups that are looked at together have in common. */
export interface FlushContext {
  readonly nowMs: number;
  readonly inhibitor: Inhibitor;
  readonly silences: readonly ActiveSilence[];
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>;
  readonly sendsResolved: (receiver: string) => boolean;
}

export interface Flush<A extends GroupAlert> {
  /** What goes out: those that fire first; undefined when nobody is told. */
  readonly message: { readonly reason: MessageReason; readonly alerts: readonly A[] } | undefined;
  /** What the receiver knows from now on; undefined: as before. */
  readonly told: Told | undefined;
  /** Alerts that are over: the group need not remember them. */
  readonly done: readonly string[];
  readonly muted: readonly { readonly fingerprint: string; readonly by: MutedBy }[];
}

/** Looks at a group whose time has come. */
export function flushGroup<A extends GroupAlert>(
  route: Pick<Route, 'receiver' | 'repeatIntervalMs' | 'muteTimeIntervals' | 'activeTimeIntervals'>,
  alerts: readonly A[],
  told: Told | undefined,
  context: FlushContext,
): Flush<A> {
  const isMutedNow = isMutedByTime(route, context);
  const muted: { fingerprint: string; by: MutedBy }[] = [];
  const heard: A[] = [];
  for (const alert of alerts) {
    const by = mutedBy(alert, isMutedNow, context);
    if (by === undefined) heard.push(alert);
    else muted.push({ fingerprint: alert.fingerprint, by });
  }
  const done = alerts.filter(({ isFiring }) => !isFiring).map(({ fingerprint }) => fingerprint);
  const now = split(heard);
  const { repeatIntervalMs, receiver } = route;
  const { nowMs } = context;
  const sendResolved = context.sendsResolved(receiver);
  const reason = heard.length === 0 ? undefined : decide(told, now, { nowMs, repeatIntervalMs, sendResolved });
  if (reason === undefined) return { message: undefined, told: undefined, done, muted };
  const sent = heard.filter(({ isFiring }) => isFiring || sendResolved).sort((a, b) => Number(b.isFiring) - Number(a.isFiring));
  return { message: sent.length === 0 ? undefined : { reason, alerts: sent }, told: { atMs: nowMs, ...now }, done, muted };
}

function split(alerts: readonly GroupAlert[]): GroupNow {
  const firing = new Set<string>();
  const resolved = new Set<string>();
  for (const { fingerprint, isFiring } of alerts) (isFiring ? firing : resolved).add(fingerprint);
  return { firing, resolved };
}

function isMutedByTime(
  { muteTimeIntervals, activeTimeIntervals }: Pick<Route, 'muteTimeIntervals' | 'activeTimeIntervals'>,
  { timeIntervals, nowMs }: FlushContext,
): boolean {
  const isNow = (name: string) => isWithin(timeIntervals.get(name) ?? [], nowMs);
  return muteTimeIntervals.some(isNow) || (activeTimeIntervals.length > 0 && !activeTimeIntervals.some(isNow));
}

function mutedBy({ labels }: GroupAlert, isMutedNow: boolean, { inhibitor, silences }: FlushContext): MutedBy | undefined {
  if (inhibitor.causeOf(labels) !== undefined) return 'inhibited';
  if (isMutedNow) return 'mute_time';
  return silences.some(({ matchers }) => matchesAll(matchers, labels)) ? 'silenced' : undefined;
}
