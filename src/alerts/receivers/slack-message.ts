// An alert, or several together, as a message of Slack.
import { describeAlert } from './alert-text.ts';
import { describeGroup } from './group-text.ts';
import { linksOf } from './links.ts';
import type { OutboxMessage } from './notifier.ts';
import {
  codeBlock,
  escapeWithin,
  fields,
  footer,
  header,
  linkSection,
  MAX_FIELDS,
  MAX_TEXT,
  SIGNS,
  type SlackMessage,
  section,
} from './slack-blocks.ts';
import { slackGroupMessage } from './slack-group.ts';

export function slackMessage(message: OutboxMessage, externalUrl: string | undefined): SlackMessage {
  const group = describeGroup(message, externalUrl);
  if (group !== undefined) return slackGroupMessage(group);
  const alert = describeAlert(message, { labels: MAX_FIELDS });
  const headline = `${SIGNS[alert.state]} ${alert.state} ${alert.title}`;
  const notes = [
    ...(alert.leftOut === '' ? [] : [`and ${alert.leftOut}`]),
    ...(alert.isRepeat ? ['may have been sent before'] : []),
    'Keepwatch',
  ];
  const summary = [alert.summary, alert.description].filter((text) => text !== '').join('\n');
  const severity = alert.severity === '' ? [] : [{ name: 'Severity', value: alert.severity }];
  const blocks = [
    header(headline),
    ...(summary.trim() === '' ? [] : [section(escapeWithin(summary, MAX_TEXT))]),
    ...fields([...severity, ...alert.facts]),
    ...fields(alert.labels),
    ...codeBlock(alert.examples),
    ...linkSection(linksOf(message.payload, externalUrl)),
    footer(notes),
  ];
  return { text: escapeWithin(`${headline} ${alert.labelText}: ${alert.summary}`, MAX_TEXT), blocks };
}
