// A group is looked at: who of it is muted, whether its receiver is told, and what is known then. Pure; the dispatcher does it under its lock, tests in
// virtual time. Order as in Alertmanager: inhibition, times, silences, then what was told before. Ours are: an alert that somebody has acknowledged
// is not told to who has not heard of it, nor repeated; one that flaps counts as one that fires, and is told as flapping once.
import type { Inhibitor } from '../../routing/inhibition.ts';
import { type Labels, type Matcher, matchesAll } from '../../routing/matcher.ts';
import { isWithin, type TimeInterval } from '../../routing/time-interval.ts';
import type { MessageReason } from '../notification.ts';
import { decide, type Told } from './group-decision.ts';

/** An alert of a group. */
export interface GroupAlert {
  /** Unique in the group. */
  readonly id: string;
  readonly labels: Labels;
  readonly isFiring: boolean;
  /** What there is to tell of it: changes with everything that people hear of anew. */
  readonly mark: string;
  /** What the receiver heard of it last; undefined: nothing. */
  readonly told?: { readonly as: 'firing' | 'resolved'; readonly mark: string } | undefined;
  /** It is not repeated. */
  readonly isLatched?: boolean;
  readonly isAcknowledged?: boolean;
  readonly isFlapping?: boolean;
  /** It does not fire for as long as the level of the escalation waits. */
  readonly isEarly?: boolean;
}

/** A silence that holds at the moment. */
export interface ActiveSilence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
}

/** Why nobody is told of an alert. */
export type MutedBy = 'inhibited' | 'mute_time' | 'silenced' | 'acknowledged' | 'early';

/** What all groups that are looked at together have in common. */
export interface FlushContext {
  readonly nowMs: number;
  readonly inhibitor: Inhibitor;
  readonly silences: readonly ActiveSilence[];
}

/** How a group is told. */
export interface GroupPolicy {
  /** Infinity: never. */
  readonly repeatIntervalMs: number;
  /** Nobody is told within one of them. */
  readonly mute: readonly TimeInterval[];
  /** Somebody is told only within one of them; undefined: always. */
  readonly active?: readonly TimeInterval[] | undefined;
  /** The receiver wants to hear of single alerts that end while others go on. */
  readonly sendResolved: boolean;
  /** When the receiver was told last; undefined: never. */
  readonly toldAtMs: number | undefined;
  /** It is told again of everything, what is over too, while the group knows of it. */
  readonly isResent?: boolean;
}

export interface Flush<A extends GroupAlert> {
  /** What goes out: those that fire first; undefined when nobody is told. */
  readonly message: { readonly reason: MessageReason; readonly alerts: readonly A[] } | undefined;
  /** What the receiver has heard of alerts; of those that a message leaves out, as they are muted, it knows nothing any more (`as` is null). */
  readonly told: readonly { readonly alert: A; readonly as: 'firing' | 'resolved' | null; readonly mark: string | null }[];
  /** Alerts that are over: the group need not remember them. */
  readonly done: readonly A[];
  readonly muted: readonly { readonly alert: A; readonly by: MutedBy }[];
  /** Some that fire may be repeated. */
  readonly isRepeatable: boolean;
}

/** What is told of an alert that flaps, once. */
export const FLAPPING = 'flapping';

/** Looks at a group whose time has come. */
export function flushGroup<A extends GroupAlert>(alerts: readonly A[], policy: GroupPolicy, context: FlushContext): Flush<A> {
  const isMutedNow = isMutedByTime(policy, context.nowMs);
  const muted: { alert: A; by: MutedBy }[] = [];
  const heard: A[] = [];
  for (const alert of alerts) {
    const by = policy.isResent === true ? undefined : mutedBy(alert, isMutedNow, context);
    if (by === undefined) heard.push(alert);
    else muted.push({ alert, by });
  }
  const done = alerts.filter((alert) => !countsAsFiring(alert));
  const isRepeatable = heard.some((alert) => alert.isFiring && isRepeated(alert));
  const reason = heard.length === 0 ? undefined : reasonOf(alerts, heard, { policy, isRepeatable, nowMs: context.nowMs });
  if (reason === undefined) return { message: undefined, told: [], done, muted, isRepeatable };
  const sent = heard.filter((alert) => countsAsFiring(alert) || policy.sendResolved);
  const message = { reason, alerts: sent.sort((a, b) => Number(b.isFiring) - Number(a.isFiring)) };
  const told = [
    ...heard.map((alert) => ({ alert, as: asOf(alert), mark: markOf(alert) })),
    ...muted.flatMap(({ alert }) => (alert.told === undefined ? [] : [{ alert, as: null, mark: null }])),
  ];
  return { message: sent.length === 0 ? undefined : message, told, done, muted, isRepeatable };
}

function reasonOf(
  all: readonly GroupAlert[],
  heard: readonly GroupAlert[],
  { policy, isRepeatable, nowMs }: { policy: GroupPolicy; isRepeatable: boolean; nowMs: number },
): MessageReason | undefined {
  const told = policy.toldAtMs === undefined ? undefined : toldOf(all, policy.toldAtMs);
  const repeatIntervalMs = isRepeatable ? policy.repeatIntervalMs : Number.POSITIVE_INFINITY;
  const now = { firing: new Set<string>(), resolved: new Set<string>() };
  for (const alert of heard) now[asOf(alert)].add(keyOf(alert.id, markOf(alert), asOf(alert)));
  const reason = decide(told, now, { nowMs, repeatIntervalMs, sendResolved: policy.sendResolved });
  const isResentNow = policy.isResent === true && (policy.toldAtMs ?? nowMs) < nowMs - policy.repeatIntervalMs;
  return reason ?? (isResentNow ? 'repeat interval elapsed' : undefined);
}

/** What was told, of the alerts that the group still knows. */
function toldOf(alerts: readonly GroupAlert[], atMs: number): Told {
  const known = { firing: new Set<string>(), resolved: new Set<string>() };
  for (const { id, told } of alerts) if (told !== undefined) known[told.as].add(keyOf(id, told.mark, told.as));
  return { atMs, ...known };
}

/** Of an end there is but one thing to tell. */
function keyOf(id: string, mark: string, as: 'firing' | 'resolved'): string {
  return as === 'firing' ? `${id} ${mark}` : id;
}

function asOf(alert: GroupAlert): 'firing' | 'resolved' {
  return countsAsFiring(alert) ? 'firing' : 'resolved';
}

function markOf({ mark, isFlapping }: GroupAlert): string {
  return isFlapping === true ? FLAPPING : mark;
}

function countsAsFiring({ isFiring, isFlapping }: GroupAlert): boolean {
  return isFiring || isFlapping === true;
}

function isRepeated({ isLatched, isAcknowledged, isFlapping }: GroupAlert): boolean {
  return isLatched !== true && isAcknowledged !== true && isFlapping !== true;
}

function isMutedByTime({ mute, active }: GroupPolicy, nowMs: number): boolean {
  return isWithin(mute, nowMs) || (active !== undefined && !isWithin(active, nowMs));
}

function mutedBy(alert: GroupAlert, isMutedNow: boolean, { inhibitor, silences }: FlushContext): MutedBy | undefined {
  const { labels, isAcknowledged, isEarly, isFiring, told } = alert;
  if (isEarly === true) return 'early';
  if (inhibitor.causeOf(labels) !== undefined) return 'inhibited';
  if (isMutedNow) return 'mute_time';
  if (silences.some(({ matchers }) => matchesAll(matchers, labels))) return 'silenced';
  return isAcknowledged === true && isFiring && told === undefined ? 'acknowledged' : undefined;
}
