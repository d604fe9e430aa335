// Alerts as POST /api/v2/alerts takes them. An Alertmanager takes an alert for over when its endsAt has passed, and knows it by all of its labels.
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
import type { NotificationPayload } from '../notification.ts';
import { describeAlert } from './alert-text.ts';
import { linksOf, whyLink } from './links.ts';
import type { MessageReference, NotifierContext, OutboxMessage } from './notifier.ts';
import { cut, oneLine, toJson } from './readable.ts';
import { alertsOf, aloneIn } from './told-alerts.ts';

export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/** A group is told again every minute: who has heard nothing of it for four may take its alerts for over, as with Prometheus. */
const TOLD_AGAIN_MS = 60_000;
const FIRING_MS = 4 * TOLD_AGAIN_MS;
/** An alert of no group is told once: its end is told by a message, and never guessed. */
const FIRING_ALONE_MS = 30 * 86_400_000;
const MAX_LABELS = 60;
const MAX_NAME = 100;
const MAX_LABEL = 1000;
const MAX_ANNOTATION = 4000;
/** Of what is remembered of a message; alerts beyond it end by themselves when their labels change. */
const MAX_REFERENCE = 32_768;

/** All alerts of a message, and the end of those that go on with other labels, such as another severity. */
export function postedAlerts(message: OutboxMessage, context: NotifierContext): readonly PostedAlert[] {
  const lastsMs = message.payload.together === undefined ? FIRING_ALONE_MS : FIRING_MS;
  return alertsOf(message).flatMap((alert) => {
    const posted = postedAlert(aloneIn(message, alert), context, lastsMs);
    const before = labelsBefore(message, alert);
    if (before === undefined || before === labelsText(posted)) return [posted];
    const replaced = { ...posted, labels: JSON.parse(before) as PostedAlert['labels'] };
    // What is over was never there under its new labels.
    if (alert.status === 'resolved') return [replaced];
    return [{ ...replaced, endsAt: new Date(Math.max(context.now(), Date.parse(posted.startsAt))).toISOString() }, posted];
  });
}

/** The labels that alerts are known by there, by incident: the next message of the conversation finds them again. */
export function referenceTo(message: OutboxMessage): MessageReference {
  const reference: Record<string, string> = {};
  let length = 0;
  for (const alert of alertsOf(message)) {
    const before = alert.status === 'resolved' ? labelsBefore(message, alert) : undefined;
    const labels = before ?? labelsText({ labels: postedLabels(aloneIn(message, alert)) });
    length += alert.incidentId.length + labels.length;
    if (length > MAX_REFERENCE) break;
    reference[alert.incidentId] = labels;
  }
  return reference;
}

/** Older versions remember the one alert of the conversation as `labels`. */
function labelsBefore({ reference, thread }: OutboxMessage, { incidentId }: NotificationPayload): string | undefined {
  return reference?.[incidentId] ?? (incidentId === thread ? reference?.['labels'] : undefined);
}

function postedAlert(message: OutboxMessage, { externalUrl, now }: NotifierContext, lastsMs: number): PostedAlert {
  const { payload, reason } = message;
  const { examples } = describeAlert(message);
  const links = linksOf(payload, externalUrl).map(({ text, href }): [string, string] => [`${text.toLowerCase()}_url`, href]);
  const ours = { state: reason, incident_id: payload.incidentId, fire_when: payload.fireWhen, ...Object.fromEntries(links) };
  const shown = examples.length === 0 ? {} : { examples: examples.join('\n') };
  const why = whyLink(payload, externalUrl);
  return {
    labels: postedLabels(message),
    annotations: { ...named({ ...payload.annotations, ...ours }, MAX_ANNOTATION), ...shown },
    startsAt: payload.startsAt,
    endsAt: payload.endsAt ?? new Date(Math.max(now(), Date.parse(payload.startsAt)) + lastsMs).toISOString(),
    ...(why === undefined ? {} : { generatorURL: why }),
  };
}

function postedLabels({ rule, payload }: OutboxMessage): Record<string, string> {
  return named({ alertname: rule, ...payload.labels }, MAX_LABEL);
}

/** With names as Prometheus has them, and without empty values, which say nothing there. Names that become the same are told apart. */
function named(texts: Readonly<Record<string, string>>, maxValue: number): Record<string, string> {
  const kept = new Map<string, string>();
  for (const [given, text] of Object.entries(texts)) {
    const value = oneLine(text, maxValue);
    if (value === '' || kept.size >= MAX_LABELS) continue;
    const name = cut(given, MAX_NAME)
      .replace(/[^a-zA-Z0-9_]/g, '_')
      .replace(/^(?![a-zA-Z_])/, '_');
    let free = name;
    for (let number = 2; kept.has(free); number++) free = `${name}_${number}`;
    kept.set(free, value);
  }
  return Object.fromEntries(kept);
}

function labelsText({ labels }: Pick<PostedAlert, 'labels'>): string {
  return toJson(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))));
}
