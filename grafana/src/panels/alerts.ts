// Alerting rules: what fires, and whether they are evaluated.
import type { Panel } from '../panel.ts';
import { of, rate, sum } from '../promql.ts';

const STEP = "interval '1 ms' * $__interval_ms";
/** Of a step, what lies within the range. */
const WITHIN = `least(bucket + ${STEP}, $__timeTo()::timestamptz) - greatest(bucket, $__timeFrom()::timestamptz)`;

export const ALERT_PANELS: readonly Panel[] = [
  {
    title: 'Alerts that fire',
    description: 'Series of alerting rules that fire now, recovering ones among them, by rule.',
    kind: 'lines',
    unit: 'short',
    min: 0,
    thresholds: [{ from: 1, color: 'red' }],
    prometheus: [
      {
        expr: `max by (alertname, state) (${of('keepwatch_alerts', 'state=~"firing|recovering"')})`,
        legend: '{{alertname}} {{state}}',
      },
    ],
  },
  {
    title: 'Evaluations of rules',
    description: 'Evaluations of alerting rules per second, by outcome. An error changes no state.',
    kind: 'lines',
    unit: 'reqps',
    min: 0,
    prometheus: [{ expr: sum(rate('keepwatch_alert_evaluations_total'), 'outcome'), legend: '{{outcome}}' }],
    postgres: [
      `select bucket as time, outcome as metric, count(*)::float8 / extract(epoch from ${WITHIN})::float8 as evaluations
from (
  select date_bin(${STEP}, slot, '1970-01-05 00:00:00+00') as bucket, outcome
  from keepwatch.alert_evaluation
  where $__timeFilter(slot)
) as evaluation
where ${WITHIN} >= ${STEP} / 2
group by bucket, outcome
order by bucket`,
    ],
  },
  {
    title: 'Alerts',
    description: 'What fires, waits to fire, or has no data, since when, and the value of its last row.',
    kind: 'table',
    unit: 'none',
    width: 24,
    postgres: [
      `select rule as alert, state, active_at as since, value, annotations ->> 'summary' as summary
from keepwatch.alert_instance
where state <> 'ok'
order by active_at desc
limit 100`,
    ],
  },
];
