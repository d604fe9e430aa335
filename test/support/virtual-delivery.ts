// Keepwatch's own side of a script: routes and groups in virtual time, no clock, no database.

import { type FlushContext, flushGroup, type GroupAlert, type GroupPolicy } from '../../src/alerts/delivery/group-flush.ts';
import { type FiringAlert, Inhibitor } from '../../src/routing/inhibition.ts';
import { parseMatchers } from '../../src/routing/matcher.ts';
import { createRoutes, groupLabelsOf, type Route, routesOf } from '../../src/routing/route.ts';
import { inhibitRulesSchema, routeSchema, timeIntervalsSchema } from '../../src/routing/routing-schema.ts';
import { type DeliveryScript, type Labels, SCRIPT_SECONDS, TIME_INTERVALS } from './delivery-scripts.ts';

/** What a receiver heard of a group, by name of the receiver and labels of the group: firing and resolved alerts of each message. */
export type Heard = Record<string, { readonly firing: readonly string[]; readonly resolved: readonly string[] }[]>;

interface Group {
  readonly route: Route;
  readonly labels: Labels;
  readonly alerts: Map<string, GroupAlert>;
  toldAtMs: number | undefined;
  nextMs: number;
}

/** Scripts begin in 2027, for time intervals. */
const BEGIN_MS = Date.UTC(2027, 0, 1);

export function textOf(labels: Labels): string {
  const pairs = Object.entries(labels).filter(([name]) => name !== 'script');
  return JSON.stringify(Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** What each receiver hears. */
export function playVirtually(script: DeliveryScript): Heard {
  const root = createRoutes(routeSchema.parse(script.route));
  const rules = inhibitRulesSchema.parse(
    (script.inhibit ?? []).map(({ source, target, equal }) => ({ source_matchers: source, target_matchers: target, equal })),
  );
  const timeIntervals = timeIntervalsSchema.parse(TIME_INTERVALS);
  const groups = new Map<string, Group>();
  const firing = new Map<string, FiringAlert>();
  const silences: { id: string; matchers: ReturnType<typeof parseMatchers>; fromMs: number; toMs: number }[] = [];
  const heard: Heard = {};

  const put = (labels: Labels, isFiring: boolean, nowMs: number) => {
    const fingerprint = textOf(labels);
    if (isFiring) firing.set(fingerprint, { fingerprint, labels });
    else firing.delete(fingerprint);
    for (const route of routesOf(root, labels)) {
      const groupLabels = groupLabelsOf(route, labels);
      const key = `${route.id} ${textOf(groupLabels)}`;
      const group = groups.get(key) ?? {
        ...{ route, labels: groupLabels, alerts: new Map(), toldAtMs: undefined },
        nextMs: nowMs + route.groupWaitMs,
      };
      groups.set(key, group);
      const alert = { id: fingerprint, labels, isFiring, mark: 'firing', told: group.alerts.get(fingerprint)?.told };
      group.alerts.set(fingerprint, alert);
    }
  };
  const flush = (group: Group, nowMs: number) => {
    const context: FlushContext = {
      nowMs,
      inhibitor: new Inhibitor(rules, firing.values()),
      silences: silences.filter(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs),
    };
    const { route, toldAtMs } = group;
    const intervals = (names: readonly string[]) => names.flatMap((name) => timeIntervals.get(name) ?? []);
    const policy: GroupPolicy = {
      ...{ repeatIntervalMs: route.repeatIntervalMs, toldAtMs, mute: intervals(route.muteTimeIntervals) },
      active: route.activeTimeIntervals.length === 0 ? undefined : intervals(route.activeTimeIntervals),
      sendResolved: script.withoutResolved?.includes(route.receiver) !== true,
    };
    const { message, told, done } = flushGroup([...group.alerts.values()], policy, context);
    if (told.some(({ as }) => as !== null)) group.toldAtMs = nowMs;
    for (const { alert, as, mark } of told)
      group.alerts.set(alert.id, { ...alert, told: as === null || mark === null ? undefined : { as, mark } });
    for (const { id } of done) group.alerts.delete(id);
    group.nextMs += group.route.groupIntervalMs;
    if (message === undefined) return;
    const of = (isFiring: boolean) =>
      message.alerts
        .filter((alert) => alert.isFiring === isFiring)
        .map(({ labels }) => textOf(labels))
        .sort();
    const key = `${group.route.receiver} ${textOf(group.labels)}`;
    heard[key] = [...(heard[key] ?? []), { firing: of(true), resolved: of(false) }];
  };

  for (let nowMs = BEGIN_MS; nowMs <= BEGIN_MS + SCRIPT_SECONDS * 1000; nowMs += 250) {
    for (const step of script.steps.filter(({ at }) => BEGIN_MS + at * 1000 === nowMs)) {
      if (step.silence !== undefined) {
        const matchers = step.silence.matchers.flatMap(parseMatchers);
        silences.push({ id: String(silences.length), matchers, fromMs: nowMs, toMs: nowMs + step.silence.seconds * 1000 });
      }
      for (const labels of step.resolve ?? []) put(labels, false, nowMs);
      for (const labels of step.fire ?? []) put(labels, true, nowMs);
    }
    for (const group of groups.values()) if (group.nextMs <= nowMs) flush(group, nowMs);
  }
  return heard;
}
