// Keepwatch's own side of a script: routes and groups in virtual time, no clock, no database.
import { inhibitRulesSchema, routeSchema, timeIntervalsSchema } from '../../src/alerts/delivery/delivery-schema.ts';
import type { Told } from '../../src/alerts/delivery/group-decision.ts';
import { type FlushContext, flushGroup, type GroupAlert } from '../../src/alerts/delivery/group-flush.ts';
import { Inhibitor } from '../../src/alerts/delivery/inhibition.ts';
import { parseMatchers } from '../../src/alerts/delivery/matcher.ts';
import { createRoutes, groupLabelsOf, type Route, routesOf } from '../../src/alerts/delivery/route.ts';
import { type DeliveryScript, type Labels, SCRIPT_SECONDS, TIME_INTERVALS } from './delivery-scripts.ts';

/** What a receiver heard of a group, by name of the receiver and labels of the group: firing and resolved alerts of each message. */
export type Heard = Record<string, { readonly firing: readonly string[]; readonly resolved: readonly string[] }[]>;

interface Group {
  readonly route: Route;
  readonly labels: Labels;
  readonly alerts: Map<string, GroupAlert>;
  told: Told | undefined;
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
  const firing = new Map<string, GroupAlert>();
  const silences: { id: string; matchers: ReturnType<typeof parseMatchers>; fromMs: number; toMs: number }[] = [];
  const heard: Heard = {};

  const put = (labels: Labels, isFiring: boolean, nowMs: number) => {
    const alert = { fingerprint: textOf(labels), labels, isFiring };
    if (isFiring) firing.set(alert.fingerprint, alert);
    else firing.delete(alert.fingerprint);
    for (const route of routesOf(root, labels)) {
      const groupLabels = groupLabelsOf(route, labels);
      const key = `${route.id} ${textOf(groupLabels)}`;
      const group = groups.get(key) ?? {
        ...{ route, labels: groupLabels, alerts: new Map(), told: undefined },
        nextMs: nowMs + route.groupWaitMs,
      };
      groups.set(key, group);
      group.alerts.set(alert.fingerprint, alert);
    }
  };
  const flush = (group: Group, nowMs: number) => {
    const context: FlushContext = {
      nowMs,
      inhibitor: new Inhibitor(rules, firing.values()),
      silences: silences.filter(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs),
      timeIntervals,
      sendsResolved: (receiver) => script.withoutResolved?.includes(receiver) !== true,
    };
    const { message, told, done } = flushGroup(group.route, [...group.alerts.values()], group.told, context);
    group.told = told ?? group.told;
    for (const fingerprint of done) group.alerts.delete(fingerprint);
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
