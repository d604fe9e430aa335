// SQL of panels whose variables choose series. At All the functions answer, which are the fastest. Some tenants or models they do not know: then it is
// the rollups of those series, with the same columns and steps; minutes for a day at most, hours and the minutes around them for all that is longer.
import type { EventType } from '../../src/event.ts';
import { type Choice, isAll, isChosen, labelValueOf } from './choices.ts';
import { CHOSEN, IS_LONG, OF_SERVICE, stepOf, steps } from './sql.ts';

const COLUMNS = 'bucket, service, type, name, labels, status, count, sum_us, min_us, max_us, hb, hc';

/** Minutes that the range cuts off are left out: how much of them lies within, nobody knows. */
const SINCE = wholeOnes('minute', '$__timeFrom()', true);
const UNTIL = wholeOnes('minute', '$__timeTo()', false);
const HOURS_SINCE = wholeOnes('hour', '$__timeFrom()', true);
const HOURS_UNTIL = wholeOnes('hour', '$__timeTo()', false);

function wholeOnes(unit: 'minute' | 'hour', moment: string, isUp: boolean): string {
  return `date_trunc('${unit}', ${moment}::timestamptz${isUp ? ` + interval '1 ${unit}' - interval '1 microsecond'` : ''}, 'UTC')`;
}

/** Minutes, or hours and the minutes around them. Each part is left out of the plan where it does not count. */
const PARTS = [
  ['1m', `not (${IS_LONG})`, SINCE, UNTIL],
  ['1m', IS_LONG, SINCE, HOURS_SINCE],
  ['1h', IS_LONG, HOURS_SINCE, HOURS_UNTIL],
  ['1m', IS_LONG, HOURS_UNTIL, UNTIL],
] as const;

const MEASURES = `sum(count) as count, coalesce(sum(count) filter (where status = 'aborted'), 0) as aborted,
    coalesce(sum(count) filter (where status = 'failure'), 0)::float8 / nullif(sum(count) filter (where status <> 'aborted'), 0) as error_rate,
    (sum(sum_us) filter (where status <> 'aborted') / 1000)::float8 as total_ms,
    (sum(sum_us) filter (where status <> 'aborted') / nullif(sum(count) filter (where status <> 'aborted'), 0) / 1000)::float8 as avg_ms,
    min(min_us) filter (where status <> 'aborted') as min_us, max(max_us) filter (where status <> 'aborted') as max_us`;

/** By the rank of percentile_disc, as keepwatch.measure. */
const QUANTILES = `, ranked as (
  select bucket, value, b, sum(c) over (partition by bucket, value order by b) as hi, sum(c) over (partition by bucket, value) as n
  from (
    select bucket, value, b, sum(c) as c
    from (select bucket, value, unnest(hb) as b, unnest(hc) as c from part where status <> 'aborted') as pair
    group by bucket, value, b
  ) as cell
), quantile as (
  select bucket, value, keepwatch.bucket_value(min(b) filter (where hi >= 0.95 * n)) as us from ranked group by bucket, value
)`;

/** Executions of a type, of the values that are chosen. */
export interface ChosenRollups {
  readonly type: EventType;
  readonly choices: readonly Choice[];
}

/**
 * A line of steps, or one for each value of the label `by`; empty where an execution has none.
 * @param columns made of value, count, aborted, error_rate, per_second, avg_ms, p95_ms
 * @param condition on them
 */
export function chosenSteps({ type, choices }: ChosenRollups, columns: string, by?: string, condition?: string): string {
  const value = by === undefined ? "''" : `coalesce(${labelValueOf(by, type, 'labels')}, '')`;
  const isRanked = columns.includes('p95_ms');
  const step = stepOf(isRanked);
  const only = condition === undefined ? '' : ` and ${condition}`;
  // The function says null where there is none, and has names whether they are labels or not.
  const ofAll = by === undefined ? columns : columns.replace(/\bvalue\b/, "coalesce(value, '')");
  const group = by !== undefined && labelValueOf(by, type, 'labels') === 'name' ? 'name' : by;
  return `(
${steps(type, ofAll, group, `${isAll(choices)}${only}`)}
) union all (
${measured({ type, choices }, `date_bin(${step}, bucket, timestamptz '1970-01-05 00:00:00+00')`, value, isRanked)}
select bucket as time, ${columns}
from (
  select measured.*, count / ${secondsOf(step)} as per_second${isRanked ? P95 : ''}
  from measured${isRanked ? JOINED : ''}
) as step
where not (${isAll(choices)})${only}
)
order by time`;
}

/** Of a step that the range cuts off, what lies within: whole buckets, of which there is one at least where there is a row. */
function secondsOf(step: string): string {
  return `extract(epoch from least(bucket + ${step}, ${UNTIL}) - greatest(bucket, ${SINCE}))::float8`;
}

/** Names by all the time that they took. @param columns made of name, count, error_rate, total_ms, p95_ms */
export function chosenNames({ type, choices }: ChosenRollups, columns: string, limit: number): string {
  const labelled = 'count, error_rate, total_ms, p95_ms';
  return `select ${columns}
from (
  select value as name, ${labelled} from keepwatch.per_label('name', '${type}', ${CHOSEN}) where ${isAll(choices)}
  union all (
    ${measured({ type, choices }, "timestamptz 'epoch'", 'name', true)}
    select value as name, ${labelled}
    from (select measured.*${P95} from measured${JOINED}) as named
    where not (${isAll(choices)})
  )
) as named
order by total_ms desc nulls last
limit ${limit}`;
}

const P95 = ', greatest(min_us, least(max_us, quantile.us)) / 1000 as p95_ms';
const JOINED = ' left join quantile using (bucket, value)';

function measured({ type, choices }: ChosenRollups, bucket: string, value: string, isRanked: boolean): string {
  const chosen = choices.map((choice) => ` and ${isChosen(choice, labelValueOf(choice.label, type, 'labels'))}`).join('');
  return `with part as (
  select ${bucket} as bucket, ${value} as value, status, count, sum_us, min_us, max_us, hb, hc
  from (
${PARTS.map(([unit, isUsed, since, until]) => `    select ${COLUMNS} from keepwatch.observability_rollup_${unit} where ${isUsed} and $__timeFilter(bucket) and bucket >= ${since} and bucket < ${until}`).join('\n    union all\n')}
  ) as rollup
  where not (${isAll(choices)}) and type = '${type}' and ${OF_SERVICE}${chosen}
), measured as (
  select bucket, value, ${MEASURES}
  from part
  group by bucket, value
)${isRanked ? QUANTILES : ''}`;
}
