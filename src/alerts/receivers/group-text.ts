// What a message of several alerts says to people, whoever carries it: what they have in common once, then a line each, the worst first. Short
// texts without markup; each receiver escapes them its way, and shows as many as it has room for.
import type { AlertGroup, MessageReason, NotificationPayload } from '../notification.ts';
import { type AlertText, countOf, describeAlert, formatLabels, type Pair } from './alert-text.ts';
import { type Link, linksOf } from './links.ts';
import type { OutboxMessage } from './notifier.ts';
import { cut, oneLine } from './readable.ts';
import { compareSeverity } from './severity.ts';
import { aloneIn, commonOf, groupOf } from './told-alerts.ts';

/** One alert of a group. */
export interface AlertLine {
  readonly isFiring: boolean;
  readonly state: AlertText['state'];
  /** The labels that not all alerts have; with its name first, where not all are of one name: `SlowPipeline {route="/pay"}`. */
  readonly name: string;
  readonly summary: string;
  /** What was measured; empty when nothing was. */
  readonly value: string;
  /** `2026-01-01T00:00:00.000Z`, or from … to … of one that is over. */
  readonly time: string;
  /** Link to why it is as it is. */
  readonly why: string | undefined;
  readonly alert: NotificationPayload;
}

export interface GroupText {
  readonly isFiring: boolean;
  /** `[FIRING:3, RESOLVED:1]` */
  readonly counts: string;
  /** The name that all alerts share, else the names: `HighErrorRate, SlowPipeline and 2 more`. */
  readonly title: string;
  /** The worst label `severity` of those that fire; empty without. */
  readonly severity: string;
  readonly why: MessageReason;
  /** Labels that all alerts share, but for alertname. At most 20. */
  readonly common: readonly Pair[];
  /** `{severity="page"}`; empty without. */
  readonly commonText: string;
  /** Of the worst alert. */
  readonly summary: string;
  /** The worst first; at most 100. */
  readonly lines: readonly AlertLine[];
  /** How many alerts the message is about, those that it does not carry too. */
  readonly firing: number;
  readonly resolved: number;
  /** An example row of each of the first alerts that have any; at most 5. */
  readonly examples: readonly string[];
  /** Runbooks and dashboards, each once; at most 6. */
  readonly links: readonly GroupLink[];
  /** The message may have been sent before. */
  readonly isRepeat: boolean;
}

/** Where alerts are of several names, with the one that it is of: ` of HighErrorRate`, which is no part of what people follow. */
export interface GroupLink extends Link {
  readonly of: string;
}

const MAX_COMMON = 20;
const MAX_NAME = 60;
const MAX_LABEL = 200;
const MAX_LABEL_TEXT = 400;
const MAX_TITLES = 3;
const MAX_EXAMPLES = 5;
const MAX_LINKS = 6;

/** Undefined where the message tells of one alert alone. */
export function describeGroup(message: OutboxMessage, externalUrl: string | undefined): GroupText | undefined {
  const group = groupOf(message);
  if (group === undefined) return undefined;
  const alerts = [...group.alerts].sort(
    (a, b) => Number(isFiring(b)) - Number(isFiring(a)) || compareSeverity(a.labels['severity'], b.labels['severity']),
  );
  const texts = alerts.map((alert) => describeAlert(aloneIn(message, alert)));
  const shared = { ...commonOf(alerts.map(({ labels }) => labels)) };
  const common = pairsOf(shared, (name) => name !== 'alertname');
  const titles = [...new Set(texts.map(({ title }) => title))];
  return {
    isFiring: group.firing > 0,
    counts: countsOf(group),
    title: titlesOf(titles),
    severity: texts[0]?.severity ?? '',
    why: group.why,
    common: common.slice(0, MAX_COMMON),
    commonText: formatLabels(common, MAX_LABEL_TEXT),
    summary: texts[0]?.summary ?? '',
    lines: alerts.map((alert, index) => lineOf(alert, texts[index], { shared, isNamed: titles.length > 1, externalUrl })),
    firing: group.firing,
    resolved: group.resolved,
    examples: texts.flatMap(({ examples }) => examples.slice(0, 1)).slice(0, MAX_EXAMPLES),
    links: groupLinks(alerts),
    isRepeat: message.maybe_sent,
  };
}

/** How long the texts of a line may be: characters. */
export interface LineLimits {
  readonly name: number;
  readonly summary: number;
}

/** From all that is said of an alert to what tells it from others. */
const LIMITS: readonly LineLimits[] = [
  { name: 400, summary: 400 },
  { name: 200, summary: 150 },
  { name: 100, summary: 80 },
];

export interface Fit<T> {
  readonly sizeOf: (rendered: T) => number;
  /** Of all lines together, by sizeOf. */
  readonly budget: number;
  /** Lines; default all. */
  readonly most?: number;
}

export interface FittingLines<T> {
  readonly shown: readonly T[];
  /** `57 more that fire, 1 more resolved`; empty when all are shown. */
  readonly leftOut: string;
}

/** Shows all alerts that there is room for: in full, or else shorter, or else the worst of them. Counts the others. */
export function fitLines<T>(
  { lines, firing, resolved }: Pick<GroupText, 'lines' | 'firing' | 'resolved'>,
  render: (line: AlertLine, limits: LineLimits) => T,
  { sizeOf, budget, most = Number.POSITIVE_INFINITY }: Fit<T>,
): FittingLines<T> {
  let shown: T[] = [];
  for (const limits of LIMITS) {
    shown = [];
    let size = 0;
    for (const line of lines.slice(0, most)) {
      const rendered = render({ ...line, name: cut(line.name, limits.name), summary: cut(line.summary, limits.summary) }, limits);
      size += sizeOf(rendered);
      if (size > budget) break;
      shown.push(rendered);
    }
    if (shown.length === Math.min(lines.length, most)) break;
  }
  // What flaps counts as firing while it is over for a moment.
  const total = firing + resolved - shown.length;
  const leftFiring = Math.min(total, Math.max(0, firing - lines.slice(0, shown.length).filter((line) => line.isFiring).length));
  const left = [countOf(leftFiring, 'firing alert'), countOf(total - leftFiring, 'resolved alert')];
  return { shown, leftOut: left.filter((text) => text !== '').join(', ') };
}

function isFiring({ status }: NotificationPayload): boolean {
  return status === 'firing';
}

function countsOf({ firing, resolved }: AlertGroup): string {
  const counts = [...(firing > 0 ? [`FIRING:${firing}`] : []), ...(resolved > 0 ? [`RESOLVED:${resolved}`] : [])];
  return `[${counts.join(', ')}]`;
}

function titlesOf(titles: readonly string[]): string {
  const named = titles.slice(0, MAX_TITLES).join(', ');
  return titles.length > MAX_TITLES ? `${named} and ${titles.length - MAX_TITLES} more` : named;
}

function lineOf(
  alert: NotificationPayload,
  text: AlertText | undefined,
  options: {
    readonly shared: Readonly<Record<string, string>>;
    readonly isNamed: boolean;
    readonly externalUrl: string | undefined;
  },
): AlertLine {
  const { shared, isNamed, externalUrl } = options;
  const own = pairsOf(alert.labels, (name) => name !== 'alertname' && !Object.hasOwn(shared, name));
  const labels = formatLabels(own, MAX_LABEL_TEXT);
  const [why] = linksOf(alert, externalUrl).filter((link) => link.text === 'Why');
  const since = oneLine(alert.activeAt, 40);
  return {
    isFiring: isFiring(alert),
    state: text?.state ?? 'FIRING',
    name: [...(isNamed ? [text?.title ?? ''] : []), labels].filter((part) => part !== '').join(' ') || (text?.title ?? ''),
    summary: text?.summary ?? '',
    value: text?.facts.find(({ name }) => name === 'Value')?.value ?? '',
    time: alert.endsAt === null ? since : `${since} to ${oneLine(alert.endsAt, 40)}`,
    why: why?.href,
    alert,
  };
}

function pairsOf(labels: Readonly<Record<string, string>>, isShown: (name: string) => boolean): Pair[] {
  return Object.entries(labels)
    .filter(([name]) => isShown(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name: oneLine(name, MAX_NAME), value: oneLine(value, MAX_LABEL) }));
}

function groupLinks(alerts: readonly NotificationPayload[]): GroupLink[] {
  const found = new Map<string, Link & { readonly alertname: string }>();
  for (const alert of alerts) {
    for (const link of linksOf(alert, undefined))
      if (!found.has(link.href)) found.set(link.href, { ...link, alertname: oneLine(alert.labels['alertname'] ?? '', MAX_NAME) });
    if (found.size >= MAX_LINKS) break;
  }
  const links = [...found.values()].slice(0, MAX_LINKS);
  const isNamed = new Set(links.map(({ alertname }) => alertname)).size > 1;
  return links.map(({ text, href, alertname }) => ({ text, href, of: isNamed ? ` of ${alertname}` : '' }));
}
