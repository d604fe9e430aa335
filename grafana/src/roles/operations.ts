// Operations, for whoever is on call: what pages, whether Keepwatch itself can be believed, services, and what runs out.
import type { DashboardDefinition, Panel } from '../panel.ts';
import { ALERT_PANELS } from '../panels/alerts.ts';
import { ARCHIVE_PANELS } from '../panels/archive.ts';
import { PROCESS_PANELS } from '../panels/processes.ts';
import { REQUESTS } from '../panels/requests.ts';
import { increase, of, orZero, rate, type SampleName, sum } from '../promql.ts';
import { failuresBy, p95By, perSecondBy } from '../red-panels.ts';
import { OF_SERVICE } from '../sql.ts';

const RECORDED = sum(increase('keepwatch_events_recorded_total'));
/** Without receivers there are no messages that could be given up, and no 0 of them. */
const NOTIFIED = sum(increase('keepwatch_notifications_total'));
const JOB = { label: 'job' } as const;

/** A number that is 0 as long as all is well. @param whole what there has to be for that */
function countOf(
  names: readonly SampleName[],
  whole: string,
  words: Pick<Panel, 'title' | 'description'>,
  ...matchers: readonly string[]
): Panel {
  return {
    ...words,
    kind: 'stat',
    unit: 'short',
    width: 4,
    decimals: 0,
    thresholds: [{ from: 1, color: 'red' }],
    prometheus: [{ expr: names.map((name) => orZero(sum(increase(name, ...matchers)), whole)).join(' + '), isInstant: true }],
  };
}

const pages: readonly Panel[] = [
  {
    title: 'Processes up',
    description: 'Share of the processes that Prometheus knows which answer it.',
    kind: 'stat',
    unit: 'percentunit',
    width: 4,
    min: 0,
    max: 1,
    lowest: 'red',
    thresholds: [{ from: 1, color: 'green' }],
    prometheus: [{ expr: `avg(${of('up')})`, isInstant: true }],
  },
  {
    title: 'Alerts firing',
    description: 'Series of alerting rules that fire, recovering ones among them.',
    kind: 'stat',
    unit: 'short',
    width: 4,
    decimals: 0,
    thresholds: [{ from: 1, color: 'red' }],
    postgres: [
      `select now() as time, count(*) filter (where state in ('firing', 'recovering')) as firing
from keepwatch.alert_instance
having exists (select from keepwatch.alert_group)`,
    ],
  },
  {
    title: 'Lag',
    description: 'Age of the oldest event that is not in Postgres, of the slowest process. Rules see nothing that is younger.',
    kind: 'stat',
    unit: 's',
    width: 4,
    decimals: 0,
    thresholds: [
      { from: 60, color: 'yellow' },
      { from: 300, color: 'red' },
    ],
    prometheus: [{ expr: `max(${of('keepwatch_archive_lag_seconds')})`, isInstant: true }],
  },
  countOf(['keepwatch_events_dropped_total'], RECORDED, {
    title: 'Events dropped',
    description: 'Events within the range that never reach the archive.',
  }),
  countOf(['keepwatch_events_dead_lettered_total', 'keepwatch_events_quarantined_total'], RECORDED, {
    title: 'Events refused',
    description: 'Events within the range that Postgres refused, or whose time was impossible: they are kept aside.',
  }),
  countOf(
    ['keepwatch_notifications_total'],
    NOTIFIED,
    { title: 'Messages given up', description: 'Messages within the range that no receiver took until they expired.' },
    'outcome="dead"',
  ),
];

const keepwatch: readonly Panel[] = [
  {
    title: 'Accounting',
    description:
      'Of each process all that was recorded, and what became of it. Where both sides do not agree, `keepwatch verify` says more.',
    kind: 'table',
    unit: 'none',
    width: 24,
    columnUnits: { behind: 's' },
    postgres: [
      `select sources.service, sources.instance, ledger.lane, ledger.recorded, ledger.archived, ledger.dead_lettered, ledger.quarantined,
  ledger.sampled_out, dropped.events as dropped,
  ledger.recorded = ledger.archived + ledger.dead_lettered + ledger.quarantined + ledger.sampled_out + dropped.events as agrees,
  extract(epoch from now() - sources.low_watermark)::float8 as behind, sources.last_seen_at as last_seen
from keepwatch.ledger
join keepwatch.sources using (source_id)
cross join lateral (select coalesce(sum(value::bigint), 0) as events from jsonb_each_text(ledger.dropped)) as dropped
where not sources.closed and ${OF_SERVICE}
order by sources.last_seen_at desc, sources.service, sources.instance, ledger.lane
limit 100`,
    ],
  },
  ...ARCHIVE_PANELS,
  {
    title: 'Failures of the archiver',
    description: 'Attempts per second to write to Postgres that failed; they are made again.',
    kind: 'lines',
    unit: 'reqps',
    width: 8,
    min: 0,
    prometheus: [{ expr: sum(rate('keepwatch_archive_failures_total'), 'instance'), legend: '{{instance}}' }],
  },
  {
    title: 'Errors inside',
    description: 'Errors inside of Keepwatch per second, kept away from the app. Any is a bug worth reporting.',
    kind: 'lines',
    unit: 'reqps',
    width: 8,
    min: 0,
    thresholds: [{ from: 0.001, color: 'red' }],
    prometheus: [{ expr: sum(rate('keepwatch_internal_errors_total'), 'instance'), legend: '{{instance}}' }],
  },
];

const evaluation: readonly Panel[] = [
  ...ALERT_PANELS,
  {
    title: 'Evaluations that failed',
    description: 'Rules without an answer, the newest error of each: their alerts stay as they were.',
    kind: 'table',
    unit: 'none',
    postgres: [
      `select rule, group_name as "group", count(*) as count, max(slot) as last, (array_agg(error order by slot desc))[1] as error
from keepwatch.alert_evaluation
where $__timeFilter(slot) and outcome = 'error'
group by rule, group_name
order by last desc
limit 50`,
    ],
  },
  {
    title: 'Messages that wait or were given up',
    description: 'What people are owed, by receiver: pending messages are tried again, dead ones are not.',
    kind: 'table',
    unit: 'none',
    postgres: [
      `select receiver, status, count(*) as count, min(created_at) as oldest, max(attempts) as attempts,
  (array_agg(last_error order by created_at desc) filter (where last_error is not null))[1] as error
from keepwatch.notification_outbox
where $__timeFilter(created_at) and status in ('pending', 'dead')
group by receiver, status
order by oldest
limit 50`,
    ],
  },
];

const services: readonly Panel[] = [
  perSecondBy(REQUESTS, JOB, { title: 'Requests', description: 'Requests that ended, per second, by job.', width: 8 }),
  failuresBy(REQUESTS, JOB, {
    title: 'Errors',
    description: 'Share of the requests of a job that failed; those that clients gave up are left out.',
    width: 8,
  }),
  p95By(REQUESTS, JOB, { title: 'Duration', description: '95 of 100 requests of a job took no longer.', width: 8 }),
];

const saturation: readonly Panel[] = [
  ...PROCESS_PANELS,
  {
    title: 'Pools',
    description: 'Connections to databases by pool and state.',
    kind: 'lines',
    unit: 'short',
    isStacked: true,
    prometheus: [{ expr: sum(of('db_connection_pool_size'), 'pool_name', 'state'), legend: '{{pool_name}} {{state}}' }],
  },
  {
    title: 'Waiting for a connection',
    description: 'Who waits for a connection of a pool: with all in use, requests stand in line.',
    kind: 'lines',
    unit: 'short',
    min: 0,
    thresholds: [{ from: 1, color: 'red' }],
    prometheus: [{ expr: sum(of('db_connection_pool_waiting'), 'pool_name'), legend: '{{pool_name}}' }],
  },
];

export const operations: DashboardDefinition = {
  name: 'operations',
  title: 'Operations',
  description: 'What pages, whether Keepwatch itself is well, services, and what runs out.',
  rows: [
    { title: 'What pages', panels: pages },
    { title: 'Services', panels: services },
    { title: 'Keepwatch itself', panels: keepwatch },
    { title: 'Alerts', panels: evaluation },
    { title: 'Saturation', panels: saturation },
  ],
};
