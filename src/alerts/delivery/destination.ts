// Where an alert goes: the groups that its messages are told in. A rule that names receivers (`notify`) goes to them, any other by the routes of
// the configuration. Without routes each alert is told alone, at once, and not again: to the first receiver.
import { createHash } from 'node:crypto';
import type { ReceiverKind } from '../../receiver-config.ts';
import type { Labels } from '../../routing/matcher.ts';
import { type GroupTiming, groupLabelsOf, type Route, routesOf } from '../../routing/route.ts';
import type { Routing } from '../../routing/routing.ts';
import type { TimeInterval } from '../../routing/time-interval.ts';
import type { Rule } from '../rule.ts';

/** What a group has to know to be told in time. Kept in Postgres as JSON: whoever has the receiver tells it. */
export interface GroupSettings extends Pick<GroupTiming, 'groupWaitMs' | 'groupIntervalMs'> {
  /** Null: it is not told again while nothing changes. */
  readonly repeatIntervalMs: number | null;
  readonly mute: readonly TimeInterval[];
  /** Undefined: always. */
  readonly active?: readonly TimeInterval[];
  /** 0, or which level of an escalation it is. */
  readonly level: number;
  /** False: the receiver does not hear of ends. */
  readonly sendResolved?: boolean;
  /** For receivers that take an alert for over when they have not heard of it for a while. */
  readonly isResent?: boolean;
}

/** A group that an alert belongs to. */
export interface Destination {
  /** SHA-256 in hexadecimal. */
  readonly group_key: string;
  readonly receiver: string;
  /** As its matchers are written. */
  readonly route: string;
  readonly labels: Labels;
  readonly settings: GroupSettings;
}

/** An alert that people are to hear of. */
export interface RoutedAlert {
  readonly rule_uid: string;
  /** Hexadecimal. */
  readonly fingerprint: string;
  readonly labels: Labels;
}

/** A receiver, as far as messages are put together for it. */
export interface RoutedReceiver {
  readonly name: string;
  readonly kind: ReceiverKind;
  /** It hears of single alerts that end while others of their group go on, and of the end of all; default true. */
  readonly sendResolved?: boolean;
}

export interface DestinationsOptions extends Partial<Pick<Routing, 'route' | 'timeIntervals' | 'escalations'>> {
  readonly receivers: readonly RoutedReceiver[];
}

/** Tells the groups of an alert; none: nobody hears of it. */
export type DestinationsOf = (rules: readonly Pick<Rule, 'notify'>[], alert: RoutedAlert) => readonly Destination[];

/** Told alone, at once, and not again. */
const AT_ONCE: GroupSettings = { groupWaitMs: 0, groupIntervalMs: 0, repeatIntervalMs: null, mute: [], level: 0 };
/** Prometheus tells Alertmanager again of what fires, and of what has ended, once a minute. */
export const RESEND_MS = 60_000;
const RESENT: GroupSettings = { ...AT_ONCE, repeatIntervalMs: RESEND_MS, isResent: true };
/** Groups that the alerts of a rule are told to an Alertmanager in. It groups them itself: here it only bounds a message. */
const SHARDS = 64;

/** Works out destinations for a configuration. */
export function createDestinations(options: DestinationsOptions): DestinationsOf {
  const { receivers, route } = options;
  const kinds = new Map(receivers.map(({ name, kind }) => [name, kind]));
  const first = receivers[0]?.name;
  const alone = (receiver: string, by: string, alert: RoutedAlert): Destination =>
    kinds.get(receiver) === 'alertmanager' ? resent(receiver, by, alert) : destination(receiver, by, alert, AT_ONCE);
  const named = (receiver: string, alert: RoutedAlert): Destination =>
    route === undefined || kinds.get(receiver) === 'alertmanager'
      ? alone(receiver, 'notify', alert)
      : grouped({ ...route, receiver, key: 'notify', id: 'notify' }, alert, options, { receiver, level: 0 });
  const byRoutes = (alert: RoutedAlert): Destination[] => {
    if (route === undefined) return first === undefined ? [] : [alone(first, 'default', alert)];
    return routesOf(route, alert.labels).flatMap((found) =>
      levelsOf(found, options).map((level) =>
        kinds.get(level.receiver) === 'alertmanager' && level.level === 0
          ? resent(level.receiver, found.id, alert)
          : grouped(found, alert, options, level),
      ),
    );
  };
  const silent = new Set(receivers.filter(({ sendResolved }) => sendResolved === false).map(({ name }) => name));
  const heard = (one: Destination): Destination =>
    silent.has(one.receiver) ? { ...one, settings: { ...one.settings, sendResolved: false } } : one;
  return (rules, alert) => {
    const names = new Set(rules.flatMap(({ notify = [] }) => notify));
    const own = [...names].filter((name) => kinds.has(name)).map((name) => named(name, alert));
    const isRouted = rules.some(({ notify }) => notify === undefined);
    const all = isRouted ? [...own, ...byRoutes(alert)] : own;
    return [...new Map(all.map((one) => [one.group_key, heard(one)])).values()];
  };
}

interface Level {
  readonly receiver: string;
  readonly level: number;
  /** After the alert begins to fire. */
  readonly afterMs?: number;
}

/** The receiver of the route, and those who hear of it later. */
function levelsOf(route: Route, { escalations }: DestinationsOptions): Level[] {
  const later = route.escalation === undefined ? [] : (escalations?.get(route.escalation) ?? []);
  return [{ receiver: route.receiver, level: 0 }, ...later.map((level, index) => ({ ...level, level: index + 1 }))];
}

function grouped(
  route: Route,
  alert: RoutedAlert,
  { timeIntervals = new Map() }: DestinationsOptions,
  { receiver, level, afterMs }: Level,
): Destination {
  const intervals = (names: readonly string[]) => names.flatMap((name) => timeIntervals.get(name) ?? []);
  const settings: GroupSettings = {
    groupWaitMs: afterMs ?? route.groupWaitMs,
    groupIntervalMs: route.groupIntervalMs,
    repeatIntervalMs: route.repeatIntervalMs,
    mute: intervals(route.muteTimeIntervals),
    ...(route.activeTimeIntervals.length === 0 ? {} : { active: intervals(route.activeTimeIntervals) }),
    level,
  };
  const labels = groupLabelsOf(route, alert.labels);
  const group_key = keyOf([receiver, route.id, level, labels]);
  return { group_key, receiver, route: route.key, labels, settings };
}

function destination(receiver: string, route: string, alert: RoutedAlert, settings: GroupSettings): Destination {
  const group_key = keyOf([receiver, alert.rule_uid, alert.fingerprint]);
  return { group_key, receiver, route, labels: alert.labels, settings };
}

function resent(receiver: string, route: string, alert: RoutedAlert): Destination {
  const shard = Number.parseInt(alert.fingerprint.slice(0, 2), 16) % SHARDS;
  const group_key = keyOf([receiver, route, alert.rule_uid, shard]);
  return { group_key, receiver, route, labels: { alertname: alert.labels['alertname'] ?? '' }, settings: RESENT };
}

function keyOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
