// SQL of panels: Grafana's macros, and what all of them say alike.
import type { EventType } from '../../src/event.ts';
import { type Choice, isChosen, labelValueOf } from './choices.ts';

/**
 * The service that is chosen at the top, as a literal; null for all of them. Grafana quotes it as Postgres wants it, since the variable offers All;
 * its format `sqlstring` is none of Postgres: it puts a backslash before a double quote.
 */
export const SERVICE = '${service}';
/** A condition on the column `service`. */
export const OF_SERVICE = `(${SERVICE}::text is null or service = ${SERVICE})`;
const RANGE = 'from_time => $__timeFrom(), to_time => $__timeTo()';
/** How long the range is that is shown. */
const LENGTH = '$__timeTo()::timestamptz - $__timeFrom()::timestamptz';
/** Whether the range is longer than minutes answer for: a constant, so that the planner leaves out one of the two. */
export const IS_LONG = `${LENGTH} > interval '1 day'`;

/**
 * The step of lines: the panel's, but whole hours where hours answer. Of durations and of everything that ran, rollups hold most: whole days (UTC)
 * where days answer for more than a week, and a quarter of an hour where minutes answer for more than some hours.
 */
export function stepOf(isMuch: boolean): string {
  const cases = isMuch ? [`when ${LENGTH} > interval '7 days' then interval '1 day'`] : [];
  cases.push(`when ${IS_LONG} then interval '1 hour'`);
  if (isMuch) cases.push(`when ${LENGTH} > interval '6 hours' then interval '15 minutes'`);
  return `greatest(interval '1 ms' * $__interval_ms, case ${cases.join(' ')} else interval '1 minute' end)`;
}

/** The columns of one line for each step of all executions (of a type), of each value of `by` where it is given; of those that a condition lets pass. */
export function steps(type: EventType | undefined, columns: string, by?: string, condition?: string): string {
  const ofType = type === undefined ? '' : `'${type}', `;
  const group = by === undefined ? '' : `, group_by => '${by}'`;
  const quantiles = [...columns.matchAll(/\bp(\d\d)_ms\b/g)].map(([, percent]) => `0.${percent}`);
  return `select bucket as time, ${columns}
from keepwatch.timeseries(${ofType}step => ${stepOf(type === undefined || quantiles.length > 0)}${group}, service => ${SERVICE}, ${RANGE}, quantiles => '{${quantiles.join(',')}}')
where bucket >= $__timeFrom()${condition === undefined ? '' : ` and ${condition}`}
order by bucket`;
}

/** Arguments that say which executions, for functions that take a range. */
export const CHOSEN = `service => ${SERVICE}, ${RANGE}`;

/** The same where quantiles of all that ran are asked for: over more than a week from the begin of the first day (UTC), so that days answer. */
export const CHOSEN_DAYS = `service => ${SERVICE}, from_time => date_trunc(case when ${LENGTH} > interval '7 days' then 'day' else 'microseconds' end, $__timeFrom()::timestamptz, 'UTC'), to_time => $__timeTo()`;

/** Begin of the last day of the range, or of all of it where it is shorter: raw rows of more than that are too many to be looked through. */
export const LAST_DAY_BEGIN = "greatest($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '1 day')";
/** A condition on raw rows. */
export const LAST_DAY = `end_time >= ${LAST_DAY_BEGIN} and end_time < $__timeTo()`;

/** A condition on raw rows of a type, of the service and of the values that are chosen, within the range that is shown unless `time` says otherwise. */
export function rawRows(
  type: EventType,
  more: string = '',
  choices: readonly Choice[] = [],
  time: string = '$__timeFilter(end_time)',
): string {
  const conditions = [time, `type = '${type}'`, ...(more === '' ? [] : [more]), OF_SERVICE];
  const chosen = choices.map((choice) => isChosen(choice, labelValueOf(choice.label, type, 'metadata')));
  return [...conditions, ...chosen].join(' and ');
}
