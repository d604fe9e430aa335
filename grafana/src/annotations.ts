// What is marked in every panel over time: when processes began, as a deploy makes them, and when alerts fired.
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { TYPES } from './build-panel.ts';
import type { Source } from './panel.ts';
import { PostgresQuery } from './postgres-query.ts';
import { of } from './promql.ts';
import { OF_SERVICE } from './sql.ts';

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
  readonly expr: string;
  readonly title: string;
  readonly sql: string;
}

const ANNOTATIONS: readonly Annotation[] = [
  {
    name: 'Starts',
    color: 'blue',
    expr: `changes(${of('process_start_time_seconds')}[$__interval]) > 0`,
    title: '{{job}} {{instance}} began',
    sql: PROCESSES_BEGAN,
  },
  {
    name: 'Alerts',
    color: 'red',
    expr: `max by (alertname) (${of('keepwatch_alerts', 'state="firing"')}) > 0`,
    title: '{{alertname}} fires',
    sql: ALERTS_FIRED,
  },
];

/** @param dataSource the uid, or the variable that holds it */
export function annotationsOf(source: Source, dataSource: string): AnnotationQueryBuilder[] {
  return ANNOTATIONS.map(({ name, color, expr, title, sql }) => {
    const annotation = new AnnotationQueryBuilder()
      .name(name)
      .iconColor(color)
      .enable(true)
      .datasource({ type: TYPES[source], uid: dataSource });
    return source === 'prometheus'
      ? annotation.expr(expr).titleFormat(title)
      : annotation.target(new PostgresQuery(sql, 'table', name));
  });
}
