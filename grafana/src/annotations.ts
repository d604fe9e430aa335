// What is marked in every panel over time: when processes began, as a deploy makes them, and when alerts fired,
// Keepwatch's own and those of Prometheus' rules.
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { TYPES } from './build-panel.ts';
import type { Source } from './panel.ts';
import { PostgresQuery } from './postgres-query.ts';
import { alertsOf, of } from './promql.ts';
import { OF_SERVICE } from './sql.ts';
import { dataSourceOf } from './variables.ts';

/** Begins of an alert; what it was in before does not matter unless it was one already. */
const ALERTS_FIRED = `select slot as time, rule as text, labels ->> 'severity' as tags
from keepwatch.alert_transition
where $__timeFilter(slot) and to_state = 'firing' and from_state in ('ok', 'pending', 'nodata')
order by slot
limit 500`;

const PROCESSES_BEGAN = `select started_at as time, instance as text, service as tags
from keepwatch.sources
where $__timeFilter(started_at) and ${OF_SERVICE}
order by started_at
limit 500`;

interface Annotation {
  readonly name: string;
  readonly color: string;
  readonly prometheus?: {
    readonly expr: string;
    readonly title: string;
    /** The value of a series is the moment that is marked, in milliseconds; default: each moment that it has a value above 0 for. */
    readonly isTime?: boolean;
  };
  /** Asked where a dashboard knows both: history knows better than a scrape when things happened. */
  readonly postgres?: string;
}

const ANNOTATIONS: readonly Annotation[] = [
  {
    name: 'Starts',
    color: 'blue',
    prometheus: {
      // The start itself and no change of it: with its first deploy a process has another instance, and so a series that never changes.
      expr: `max_over_time(${of('process_start_time_seconds')}[$__interval]) * 1000 >= $__from`,
      title: '{{job}} {{instance}} began',
      isTime: true,
    },
    postgres: PROCESSES_BEGAN,
  },
  {
    name: 'Alerts',
    color: 'red',
    prometheus: { expr: `max by (alertname) (${of('keepwatch_alerts', 'state="firing"')}) > 0`, title: '{{alertname}} fires' },
    postgres: ALERTS_FIRED,
  },
  {
    name: 'Alerts of Prometheus',
    color: 'orange',
    prometheus: {
      expr: `max by (alertname, job) (${alertsOf('alertstate="firing"')})`,
      title: '{{alertname}} fires ({{job}})',
    },
  },
];

/** @param sources that a dashboard asks */
export function annotationsOf(sources: readonly Source[]): AnnotationQueryBuilder[] {
  return ANNOTATIONS.flatMap(({ name, color, prometheus, postgres }) => {
    const annotation = new AnnotationQueryBuilder().name(name).iconColor(color).enable(true);
    const from = (source: Source) => annotation.datasource({ type: TYPES[source], uid: dataSourceOf(source) });
    if (postgres !== undefined && sources.includes('postgres'))
      return from('postgres').target(new PostgresQuery(postgres, 'table', name));
    if (prometheus === undefined || !sources.includes('prometheus')) return [];
    from('prometheus').expr(prometheus.expr).titleFormat(prometheus.title);
    return prometheus.isTime === true ? annotation.useValueForTime(true) : annotation;
  });
}
