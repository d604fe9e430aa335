// An alert, or several together, as a mail: text and HTML that say the same, and headers that keep all mails of a conversation in one thread.
import { type AlertText, describeAlert, formatLabels, type Pair } from './alert-text.ts';
import { groupMail } from './email-group.ts';
import { describeGroup } from './group-text.ts';
import { escapeHtml, linkHtml } from './html.ts';
import { type Link, linksOf } from './links.ts';
import type { OutboxMessage } from './notifier.ts';
import { oneLine } from './readable.ts';
import { isOver } from './told-alerts.ts';

export interface EmailMessage {
  /** The same for all mails of a thread: some readers thread by it. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly inReplyTo: string;
  readonly references: string;
  readonly headers: Readonly<Record<string, string>>;
}

const MAX_SUBJECT = 200;
const URGENT = new Set(['critical', 'page']);

/**
 * @param domain of the ids of mails. A mail has the id of its message, the same in every attempt, so that mail servers and readers that have it drop the
 * second; all refer to the thread, as to a mail that began it.
 */
export function emailMessage(message: OutboxMessage, domain: string, externalUrl: string | undefined): EmailMessage {
  const { reason, id } = message;
  const group = describeGroup(message, externalUrl);
  const alert = describeAlert(message);
  const links = linksOf(message.payload, externalUrl);
  const { severity } = group ?? alert;
  const thread = `<${message.thread}@${domain}>`;
  return {
    subject: subjectOf(message, alert),
    ...(group === undefined ? { text: textOf(alert, links), html: htmlOf(alert, links) } : groupMail(group)),
    messageId: `<${message.thread}.${reason}.${id}@${domain}>`,
    inReplyTo: thread,
    references: thread,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Keepwatch-Incident': message.thread,
      'X-Keepwatch-State': isOver(message) ? 'resolved' : reason,
      ...(!isOver(message) && URGENT.has(severity.toLowerCase()) ? { Importance: 'high', 'X-Priority': '1' } : {}),
    },
  };
}

/**
 * Of a group by what it is grouped by: alerts come and go while the thread goes on. The severity is left out beside a name, as it may rise meanwhile.
 */
function subjectOf({ payload: { together } }: OutboxMessage, alert: AlertText): string {
  if (together === undefined) return oneLine(`${alert.title} ${alert.labelText}`, MAX_SUBJECT);
  const { alertname, severity, ...others } = together.labels;
  const named = alertname === undefined && severity !== undefined ? { ...others, severity } : others;
  const pairs = Object.entries(named)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
  return oneLine(`${alertname ?? 'Alerts'} ${formatLabels(pairs, MAX_SUBJECT)}`, MAX_SUBJECT) || 'Alerts';
}

/** The first line is what lists of mails show: it says the state. */
function textOf(alert: AlertText, links: readonly Link[]): string {
  const lines = [
    headline(alert),
    ...(alert.description === '' ? [] : [alert.description]),
    '',
    ...rowsOf(alert).map(({ name, value }) => `${name}: ${value}`),
    ...(alert.examples.length === 0 ? [] : ['', 'Examples:', ...alert.examples.map((example) => `  ${example}`)]),
    ...(links.length === 0 ? [] : ['', ...links.map(({ text, href }) => `${text}: ${href}`)]),
    '',
    ...notesOf(alert),
  ];
  return `${lines.join('\n')}\n`;
}

function htmlOf(alert: AlertText, links: readonly Link[]): string {
  const color = alert.state === 'RESOLVED' ? '#1a7f37' : '#b42318';
  const rows = rowsOf(alert).map(
    ({ name, value }) =>
      `<tr><td style="padding-right:1em;color:#666">${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`,
  );
  return [
    '<!doctype html><html><body style="font-family:sans-serif">',
    `<p style="font-size:1.1em"><strong style="color:${color}">${alert.state}</strong>: ${escapeHtml(alert.summary)}</p>`,
    ...(alert.description === '' ? [] : [`<p>${escapeHtml(alert.description)}</p>`]),
    `<table>${rows.join('')}</table>`,
    ...(alert.examples.length === 0 ? [] : [`<pre>${alert.examples.map(escapeHtml).join('\n')}</pre>`]),
    ...(links.length === 0 ? [] : [`<p>${links.map(linkHtml).join(' &middot; ')}</p>`]),
    `<p style="color:#666">${notesOf(alert).map(escapeHtml).join('<br>')}</p>`,
    '</body></html>\n',
  ].join('\n');
}

function headline({ state, summary }: AlertText): string {
  return `${state}: ${summary}`;
}

function rowsOf({ title, severity, facts, labels }: AlertText): Pair[] {
  return [
    { name: 'Alert', value: title },
    ...(severity === '' ? [] : [{ name: 'Severity', value: severity }]),
    ...facts,
    ...labels,
  ];
}

function notesOf({ leftOut, isRepeat }: AlertText): string[] {
  return [
    ...(leftOut === '' ? [] : [`Not shown: ${leftOut}.`]),
    ...(isRepeat ? ['This mail may have been sent before.'] : []),
    'Sent by Keepwatch.',
  ];
}
