// Panels of rate, errors and durations (RED), as most kinds of executions have them: single numbers, lines by a label, and tables. A dashboard says
// what is measured and in which words.
import type { EventType } from '../../src/event.ts';
import { type Choice, matcherOf } from './choices.ts';
import type { Panel } from './panel.ts';
import { type HistogramName, quantile, rate, type SampleName, share, sum } from './promql.ts';
import { chosenNames, chosenSteps } from './rollup-sql.ts';
import { CHOSEN, LAST_DAY, rawRows, steps } from './sql.ts';

/** A kind of executions, as metrics and as events. */
export interface Measured {
  readonly type: EventType;
  /** Counts those that ended. */
  readonly count: SampleName;
  readonly duration: HistogramName;
  /** Those of which errors and durations say something: all that were not given up. */
  readonly ended: string;
  readonly failed: readonly string[];
  /** Only of the values that these variables choose. */
  readonly choices?: readonly Choice[];
}

/** Of metrics whose label `status` says how an execution ended. */
export const BY_STATUS = { ended: 'status!="aborted"', failed: ['status="failure"'] } as const;

/** What lines are told apart by. */
export interface By {
  /** A label of the metrics. */
  readonly label: string;
  /** What functions of Postgres group by; default the label. */
  readonly group?: string;
  /** Some executions have none. */
  readonly isOptional?: boolean;
}

type Words = Pick<Panel, 'title' | 'description' | 'width' | 'decimals' | 'thresholds'>;
/** Words, and the name of a column of numbers. */
type Named = Words & { readonly as: string };

const FAILURE_THRESHOLDS = [
  { from: 0.02, color: 'yellow' },
  { from: 0.1, color: 'red' },
] as const;

/** How many ended, per second, as one number. */
export function perSecond(measured: Measured, { as, ...words }: Named): Panel {
  return {
    ...words,
    kind: 'stat',
    unit: 'reqps',
    prometheus: [{ expr: sum(rate(measured.count, ...chosen(measured))) }],
    postgres: [stepsOf(measured, `per_second as ${as}`)],
  };
}

/** What share failed, as one number. */
export function failures(measured: Measured, { as, thresholds = FAILURE_THRESHOLDS, ...words }: Named): Panel {
  return {
    decimals: 2,
    ...words,
    kind: 'stat',
    unit: 'percentunit',
    min: 0,
    max: 1,
    thresholds,
    prometheus: [{ expr: failedShare(measured) }],
    postgres: [stepsOf(measured, `error_rate as ${as}`)],
  };
}

/** The p95 as one number. */
export function p95(measured: Measured, words: Words): Panel {
  return {
    ...words,
    kind: 'stat',
    unit: 's',
    prometheus: [{ expr: quantile(0.95, measured.duration, [measured.ended, ...chosen(measured)]) }],
    postgres: [stepsOf(measured, 'p95_ms / 1000 as p95')],
  };
}

export function perSecondBy(measured: Measured, by: By, words: Words): Panel {
  return {
    ...words,
    kind: 'lines',
    unit: 'reqps',
    isStacked: true,
    prometheus: [{ expr: sum(rate(measured.count, ...chosen(measured)), by.label), legend: `{{${by.label}}}` }],
    postgres: [stepsOf(measured, 'per_second', by)],
  };
}

export function failuresBy(measured: Measured, by: By, words: Words): Panel {
  return {
    ...words,
    kind: 'lines',
    unit: 'percentunit',
    min: 0,
    max: 1,
    prometheus: [{ expr: failedShare(measured, by.label), legend: `{{${by.label}}}` }],
    postgres: [stepsOf(measured, 'error_rate', by)],
  };
}

export function p95By(measured: Measured, by: By, words: Words): Panel {
  const matchers = [measured.ended, ...chosen(measured)];
  return {
    ...words,
    kind: 'lines',
    unit: 's',
    min: 0,
    prometheus: [{ expr: quantile(0.95, measured.duration, matchers, by.label), legend: `{{${by.label}}}`, hasExemplars: true }],
    postgres: [stepsOf(measured, 'p95_ms / 1000 as p95', by)],
  };
}

/** Names by all the time that their executions took within the range. */
export function mostTime(
  { type, choices = [] }: OfType,
  as: string,
  limit: number,
  words: Words & { readonly failures?: string },
): Panel {
  const { failures: failed = 'failures', ...said } = words;
  const columns = `${nameAs(as)}, count, total_ms / 1000 as seconds, p95_ms / 1000 as p95, error_rate as ${failed}`;
  return {
    ...said,
    kind: 'table',
    unit: 'none',
    columnUnits: { seconds: 's', p95: 's', [failed]: 'percentunit' },
    postgres: [
      choices.length > 0
        ? chosenNames({ type, choices }, columns, limit)
        : `select ${columns}\nfrom keepwatch.top('total_ms', '${type}', n => ${limit}, ${CHOSEN})\nlimit ${limit}`,
    ],
  };
}

/** The ten longest executions of the last day of the range, each with its trace. */
export function slowest({ type, choices = [] }: OfType, as: string, words: Words): Panel {
  return rawTable(
    `select end_time as time, ${nameAs(as)}, duration_ms / 1000 as seconds, status, trace_id
from keepwatch.events
where ${rawRows(type, '', choices, LAST_DAY)}
order by duration_ms desc
limit 10`,
    words,
  );
}

/** The newest executions that failed on the last day of the range, each with its error and its trace. */
export function failedLast({ type, choices = [] }: OfType, as: string, words: Words & { readonly columns?: string }): Panel {
  const { columns = '', ...said } = words;
  return rawTable(
    `select end_time as time, ${nameAs(as)}, ${columns}duration_ms / 1000 as seconds, error, trace_id
from keepwatch.events
where ${rawRows(type, "status = 'failure'", choices, LAST_DAY)}
order by end_time desc
limit 20`,
    said,
  );
}

type OfType = Pick<Measured, 'type' | 'choices'>;

function rawTable(sql: string, words: Words): Panel {
  return { ...words, kind: 'table', unit: 'none', columnUnits: { seconds: 's' }, traceColumn: 'trace_id', postgres: [sql] };
}

function failedShare(measured: Measured, ...labels: readonly string[]): string {
  const { count, failed, ended } = measured;
  const only = chosen(measured);
  return share(sum(rate(count, ...failed, ...only), ...labels), sum(rate(count, ended, ...only), ...labels));
}

function chosen({ choices = [] }: Measured): string[] {
  return choices.map(matcherOf);
}

function stepsOf({ type, choices = [] }: Measured, column: string, by?: By): string {
  if (by === undefined) return choices.length > 0 ? chosenSteps({ type, choices }, column) : steps(type, column);
  const { label, group = label, isOptional = false } = by;
  return choices.length > 0
    ? chosenSteps({ type, choices }, `value as metric, ${column}`, label)
    : steps(type, `${isOptional ? "coalesce(value, '')" : 'value'} as metric, ${column}`, group);
}

function nameAs(as: string): string {
  return as === 'name' ? as : `name as ${as}`;
}
