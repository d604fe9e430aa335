// Tells of alerts in the log of the process, a readable line each: for a first look, and for who collects logs anyway.
import type { Logger } from '../../logger.ts';
import { describeAlert } from './alert-text.ts';
import { describeGroup, fitLines, type GroupText } from './group-text.ts';
import { linksOf } from './links.ts';
import type { Notifier, NotifierContext, OutboxMessage } from './notifier.ts';
import { cut } from './readable.ts';
import { aloneIn } from './told-alerts.ts';

const MAX_LINE = 1000;
/** Of the alerts of a group that have a line of their own. */
const MAX_LINES = 20;

/** Alerts that fire are warnings, the end of one is information. A group has a line for itself before those of its alerts. */
export function createConsoleNotifier({ name, externalUrl }: NotifierContext, logger: Logger): Notifier {
  return {
    name,
    kind: 'console',
    address: 'the log',
    async send(message) {
      const group = describeGroup(message, externalUrl);
      if (group === undefined) write(message);
      else writeGroup(message, group);
      return { outcome: 'delivered', answer: 'written to the log' };
    },
  };

  function write(message: OutboxMessage): void {
    const alert = describeAlert(message);
    const [why] = linksOf(message.payload, externalUrl);
    const fields = {
      receiver: name,
      incident_id: message.payload.incidentId,
      ...(alert.traceIds.length === 0 ? {} : { trace_ids: alert.traceIds }),
      ...(why === undefined ? {} : { why: why.href }),
    };
    const line = [`[${alert.state}]`, alert.title, alert.labelText, alert.summary].filter((part) => part !== '').join(' ');
    logger[message.reason === 'resolved' ? 'info' : 'warn'](fields, line.slice(0, MAX_LINE));
  }

  function writeGroup(message: OutboxMessage, group: GroupText): void {
    const { counts, title, commonText, why, firing, resolved } = group;
    const { shown, leftOut } = fitLines(group, ({ alert }) => alert, {
      sizeOf: () => 0,
      budget: 0,
      most: MAX_LINES,
    });
    const more = leftOut === '' ? '' : ` (not shown: ${leftOut})`;
    const line = [counts, title, commonText].filter((part) => part !== '').join(' ');
    const fields = { receiver: name, incident_id: message.thread, firing, resolved };
    logger[group.isFiring ? 'warn' : 'info'](fields, `${cut(line, MAX_LINE / 2)}: ${why}${more}`);
    for (const alert of shown) write(aloneIn(message, alert));
  }
}
