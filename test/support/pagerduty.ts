// PagerDuty's Events API v2 with its limits: https://developer.pagerduty.com/docs/send-alert-event
import { type ProviderDouble, startProvider } from './provider-double.ts';

export interface PagerDutyEvent {
  readonly routing_key: string;
  readonly dedup_key: string;
  readonly event_action: 'trigger' | 'resolve';
  readonly client_url?: string;
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  readonly payload?: {
    readonly summary: string;
    readonly source: string;
    readonly severity: string;
    readonly timestamp: string;
    readonly component?: string;
    readonly group?: string;
    readonly class?: string;
    readonly custom_details: Readonly<Record<string, unknown>>;
  };
}

export const ROUTING_KEY = 'R0123456789ABCDEF0123456789ABCDE';

export interface PagerDutyDouble extends ProviderDouble<PagerDutyEvent> {
  /** By dedup_key. */
  readonly incidents: Map<string, 'triggered' | 'resolved'>;
}

/** Takes what PagerDuty takes; an incident per dedup_key. */
export async function startPagerDuty(): Promise<PagerDutyDouble> {
  const incidents: PagerDutyDouble['incidents'] = new Map();
  const double = await startProvider<PagerDutyEvent>(({ path, bytes, body }, violations) => {
    const problems = [
      path === '/v2/enqueue' ? '' : `path ${path}`,
      bytes <= 512 * 1000 ? '' : `${bytes} bytes`,
      body.routing_key === ROUTING_KEY ? '' : 'routing_key',
      body.dedup_key.length <= 255 && body.dedup_key !== '' ? '' : 'dedup_key',
      ...(body.event_action === 'resolve' ? [] : triggerProblems(body)),
    ].filter((problem) => problem !== '');
    violations.push(...problems);
    if (problems.length > 0)
      return {
        status: 400,
        text: JSON.stringify({ status: 'invalid event', message: 'Event object is invalid', errors: problems }),
      };
    // The end of what has not begun changes nothing.
    if (body.event_action === 'trigger') incidents.set(body.dedup_key, 'triggered');
    else if (incidents.has(body.dedup_key)) incidents.set(body.dedup_key, 'resolved');
    return { status: 202, text: JSON.stringify({ status: 'success', message: 'Event processed', dedup_key: body.dedup_key }) };
  });
  return Object.assign(double, { incidents });
}

function triggerProblems({ payload, links = [] }: PagerDutyEvent): string[] {
  if (payload === undefined) return ['no payload'];
  const { summary, source, severity, timestamp } = payload;
  const short = [source, payload.component, payload.group, payload.class];
  return [
    summary.length >= 1 && summary.length <= 1024 ? '' : `summary of ${summary.length} characters`,
    source === '' ? 'source' : '',
    ...short.map((text = '') => (text.length <= 255 ? '' : `a field of ${text.length} characters`)),
    ['critical', 'error', 'warning', 'info'].includes(severity) ? '' : `severity ${severity}`,
    Number.isNaN(Date.parse(timestamp)) ? 'timestamp' : '',
    ...links.map(({ href }) => (/^https?:\/\/\S+$/.test(href) ? '' : `link ${href}`)),
  ];
}
