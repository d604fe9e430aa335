// SQL of panels that show usage: tokens, dollars, records and times to first token, which keepwatch.usage knows by hour and label.
import type { EventType } from '../../src/event.ts';
import { type Choice, isChosen } from './choices.ts';
import { OF_SERVICE } from './sql.ts';

const RANGE = '$__timeTo()::timestamptz - $__timeFrom()::timestamptz';
/** Hours that are over are added up: over more than a day, steps are whole ones. */
const STEP = `greatest(interval '1 ms' * $__interval_ms, case when ${RANGE} > interval '1 day' then interval '1 hour' else interval '1 minute' end)`;
/** Of a step, what lies within the range. */
const WITHIN = `least(bucket + ${STEP}, $__timeTo()::timestamptz) - greatest(bucket, $__timeFrom()::timestamptz)`;
const SECONDS = `extract(epoch from ${WITHIN})::float8`;
/** Of less than half a step, a rate would say little. */
const IS_MOSTLY_WITHIN = `${WITHIN} >= ${STEP} / 2`;
/** For what is added up to be read, not to be compared with the second: an hour, or a day where the range is longer than two. */
const BAR = `greatest(interval '1 ms' * $__interval_ms, case when ${RANGE} > interval '2 days' then interval '1 day' else interval '1 hour' end)`;
/** A histogram takes many rows: days over more than a week. */
const QUANTILE_STEP = `greatest(${STEP}, case when ${RANGE} > interval '7 days' then interval '1 day' else interval '1 minute' end)`;

/** Whose usage it is. */
export interface ChosenUsage {
  readonly type: EventType;
  readonly choices?: readonly Choice[];
}

/** Labels of usage, as columns; empty where there is none. */
export function usageLabel(label: string): string {
  return `coalesce(labels ->> '${label}', '')`;
}

/** Rows of keepwatch.usage within the range, of what is chosen. @param step an interval; none: whole hours @param condition on them */
export function usageRows({ type, choices = [] }: ChosenUsage, condition?: string, step?: string): string {
  const chosen = choices.map((choice) => isChosen(choice, `labels ->> '${choice.label}'`));
  const conditions = [`type = '${type}'`, OF_SERVICE, ...chosen, ...(condition === undefined ? [] : [condition])];
  return `keepwatch.usage(${step === undefined ? '' : `step => ${step}, `}from_time => $__timeFrom(), to_time => $__timeTo())
where ${conditions.join(' and ')}`;
}

/**
 * Lines of a sum per second, or per so many of them. A step that the range cuts off counts by what lies within, and not at all where that is less than half.
 * @param sum of a column, such as cost_usd @param column its name @param by what tells lines apart, see `usageLabel`
 */
export function usageRate(
  chosen: ChosenUsage,
  sum: string,
  column: string,
  { seconds = 1, by }: { seconds?: number; by?: string } = {},
): string {
  return `select bucket as time, ${by === undefined ? '' : `${by} as metric, `}(sum(${sum}) * ${seconds})::float8 / ${SECONDS} as ${column}
from ${usageRows(chosen, `${sum} is not null and ${IS_MOSTLY_WITHIN}`, STEP)}
group by ${by === undefined ? '1' : '1, 2'}
order by 1`;
}

const TOKENS = ['input', 'cached_input', 'cache_write', 'cache_write_1h', 'output', 'reasoning', 'audio_input', 'audio_output'];

/** Lines of tokens per second by what they were, each a bucket of its own. */
export function tokenRates(chosen: ChosenUsage): string {
  return `select bucket as time, direction as metric, tokens::float8 / ${SECONDS} as tokens
from (
  select bucket, ${TOKENS.map((name) => `sum(${name}_tokens) as ${name}`).join(', ')}
  from ${usageRows(chosen, IS_MOSTLY_WITHIN, STEP).replaceAll('\n', '\n  ')}
  group by 1
) as step
cross join lateral (values ${TOKENS.map((name) => `('${name}', ${name})`).join(', ')}) as of_step (direction, tokens)
where tokens is not null
order by 1`;
}

/** Bars of a sum, each of a step. */
export function usageBars(chosen: ChosenUsage, sum: string, column: string, by: string): string {
  return `select bucket as time, ${by} as metric, sum(${sum})::float8 as ${column}
from ${usageRows(chosen, `${sum} is not null`, BAR)}
group by 1, 2
order by 1`;
}

/** The p95 of times to first token, in seconds, by a label. */
export function firstTokenP95(chosen: ChosenUsage, by: string): string {
  return `select bucket as time, metric, keepwatch.bucket_value(min(b) filter (where hi >= 0.95 * n)) / 1000000 as p95
from (
  select bucket, metric, b, sum(c) over (partition by bucket, metric order by b) as hi, sum(c) over (partition by bucket, metric) as n
  from (
    select bucket, metric, b, sum(c) as c
    from (
      select bucket, ${by} as metric, unnest(first_token_hb) as b, unnest(first_token_hc) as c
      from ${usageRows(chosen, undefined, QUANTILE_STEP).replaceAll('\n', '\n      ')}
    ) as pair
    group by 1, 2, 3
  ) as cell
) as ranked
group by 1, 2
order by 1`;
}
