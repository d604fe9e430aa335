// Sends alerts to PagerDuty, Events API v2: a conversation of ours, of one alert or several, is one incident of theirs, by its id as dedup_key, so
// that a message that comes twice changes nothing. https://developer.pagerduty.com/docs/events-api-v2-overview
import type { ReceiverSettings } from '../../receiver-config.ts';
import { type AlertText, describeAlert } from './alert-text.ts';
import { describeGroup, type GroupText } from './group-text.ts';
import { deliveryOf, httpPost } from './http-post.ts';
import { linksOf } from './links.ts';
import type { Notifier, NotifierContext, OutboxMessage } from './notifier.ts';
import { groupDetails } from './pagerduty-group.ts';
import { cut, oneLine, toJson } from './readable.ts';
import { severityOf } from './severity.ts';
import { isOver } from './told-alerts.ts';

/** The limits of the API. */
const MAX_EVENT_BYTES = 512_000;
const MAX_SUMMARY = 1024;
/** Of source, component, group and class. */
const MAX_FIELD = 255;
/** The only answer that says no for good. */
const REFUSED = new Set([400]);

export function createPagerDutyNotifier(settings: ReceiverSettings<'pagerduty'>, context: NotifierContext): Notifier {
  const { allowPrivate } = settings;
  const url = settings.url.reveal();
  return {
    name: context.name,
    kind: 'pagerduty',
    address: new URL(url).origin,
    async send(message) {
      const body = pagerDutyEvent(message, settings.routingKey.reveal(), context.externalUrl);
      return deliveryOf(await httpPost({ url, body, allowPrivate, now: context.now }), { refused: REFUSED });
    },
  };
}

/** The event as JSON, within the limits. */
export function pagerDutyEvent(message: OutboxMessage, routingKey: string, externalUrl: string | undefined): string {
  const head = { routing_key: routingKey, dedup_key: message.thread };
  if (isOver(message)) return toJson({ ...head, event_action: 'resolve' });
  const client = { client: 'Keepwatch', ...(externalUrl === undefined ? {} : { client_url: externalUrl }) };
  const trigger = { ...head, event_action: 'trigger', ...client };
  const alert = describeAlert(message);
  const group = describeGroup(message, externalUrl);
  if (group !== undefined) {
    const event = (details: object) =>
      toJson({
        ...trigger,
        links: group.links.map(({ text, of, href }) => ({ text: `${text}${of}`, href })),
        payload: { ...describeTogether(message, group), custom_details: details },
      });
    return event(groupDetails(group, MAX_EVENT_BYTES - Buffer.byteLength(event({}))));
  }
  const event = (details: object) =>
    JSON.stringify({
      ...{ ...trigger, links: linksOf(message.payload, externalUrl) },
      payload: { ...describe(message, alert), custom_details: details },
    });
  // From all to the essentials: summary, severity and links stand in any case.
  for (const details of [fullDetails(message, alert), shortDetails(alert)]) {
    const body = event(details);
    if (Buffer.byteLength(body) <= MAX_EVENT_BYTES) return body;
  }
  return event({ left_out: 'all details: they were too long' });
}

function describe({ payload }: OutboxMessage, alert: AlertText): object {
  const { labels, group, startsAt } = payload;
  const what = [`[${alert.state}]`, alert.title, alert.labelText].filter((part) => part !== '').join(' ');
  return {
    summary: summaryOf(what, alert.summary),
    source: sourceOf(labels),
    severity: severityOf(alert.severity),
    timestamp: startsAt,
    component: field(labels['name'] ?? labels['service']),
    group: field(group),
    class: field(alert.title),
  };
}

function describeTogether({ payload }: OutboxMessage, group: GroupText): object {
  const { title, counts, commonText, summary, severity } = group;
  const what = [counts, title, commonText].filter((part) => part !== '').join(' ');
  const labels = Object.fromEntries(group.common.map(({ name, value }) => [name, value]));
  return {
    summary: summaryOf(what, summary),
    source: sourceOf(labels),
    severity: severityOf(severity),
    timestamp: payload.startsAt,
    component: field(labels['name'] ?? labels['service']),
    group: field(payload.group),
    class: field(title),
  };
}

function summaryOf(what: string, summary: string): string {
  return cut(`${cut(what, MAX_SUMMARY / 2)}: ${summary}`, MAX_SUMMARY);
}

function sourceOf(labels: Readonly<Record<string, string>>): string {
  return field(labels['service'] ?? labels['instance']) ?? 'keepwatch';
}

/** Undefined: nothing to say. */
function field(text: string | undefined): string | undefined {
  return oneLine(text ?? '', MAX_FIELD) || undefined;
}

function fullDetails({ payload, attempts, maybe_sent }: OutboxMessage, alert: AlertText): object {
  return {
    ...shortDetails(alert),
    values: payload.row,
    example_rows: payload.context ?? [],
    ...(maybe_sent ? { attempt: attempts } : {}),
  };
}

function shortDetails(alert: AlertText): object {
  return {
    ...Object.fromEntries(alert.facts.map(({ name, value }) => [name, value])),
    ...(alert.description === '' ? {} : { description: alert.description }),
    labels: Object.fromEntries(alert.labels.map(({ name, value }) => [name, value])),
    examples: alert.examples,
    ...(alert.leftOut === '' ? {} : { left_out: alert.leftOut }),
  };
}
