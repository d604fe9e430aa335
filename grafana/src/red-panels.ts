// Panels of rate, errors and durations (RED), as most kinds of executions have them: single numbers, lines by a label, and tables. A dashboard says
// what is measured and in which words.
import type { EventType } from '../../src/event.ts';
import type { Panel } from './panel.ts';
import { type HistogramName, quantile, rate, type SampleName, share, sum } from './promql.ts';
import { CHOSEN, steps } from './sql.ts';

/** A kind of executions, as metrics and as events. */
export interface Measured {
  readonly type: EventType;
  /** Counts those that ended. */
  readonly count: SampleName;
  readonly duration: HistogramName;
  /** Those of which errors and durations say something: all that were not given up. */
  readonly ended: string;
  readonly failed: readonly string[];
}

/** Of metrics whose label `status` says how an execution ended. */
export const BY_STATUS = { ended: 'status!="aborted"', failed: ['status="failure"'] } as const;

/** What lines are told apart by. */
export interface By {
  /** A label of the metrics. */
  readonly label: string;
  /** What functions of Postgres group by; default the label. */
  readonly group?: string;
  /** Name of the column. */
  readonly as: string;
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
export function perSecond({ type, count }: Measured, { as, ...words }: Named): Panel {
  return {
    ...words,
    kind: 'stat',
    unit: 'reqps',
    prometheus: [{ expr: sum(rate(count)) }],
    postgres: [steps(type, `per_second as ${as}`)],
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
    postgres: [steps(measured.type, `error_rate as ${as}`)],
  };
}

/** The p95 as one number. */
export function p95({ type, duration, ended }: Measured, words: Words): Panel {
  return {
    ...words,
    kind: 'stat',
    unit: 's',
    prometheus: [{ expr: quantile(0.95, duration, [ended]) }],
    postgres: [steps(type, 'p95_ms / 1000 as p95')],
  };
}

export function perSecondBy({ type, count }: Measured, by: By, words: Words): Panel {
  return {
    ...words,
    kind: 'lines',
    unit: 'reqps',
    isStacked: true,
    prometheus: [{ expr: sum(rate(count), by.label), legend: `{{${by.label}}}` }],
    postgres: [stepsBy(type, by, 'per_second')],
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
    postgres: [stepsBy(measured.type, by, 'error_rate')],
  };
}

export function p95By({ type, duration, ended }: Measured, by: By, words: Words & { readonly hasExemplars?: boolean }): Panel {
  const { hasExemplars = false, ...said } = words;
  return {
    ...said,
    kind: 'lines',
    unit: 's',
    min: 0,
    prometheus: [{ expr: quantile(0.95, duration, [ended], by.label), legend: `{{${by.label}}}`, hasExemplars }],
    postgres: [stepsBy(type, by, 'p95_ms / 1000 as p95')],
  };
}

/** Names by all the time that their executions took within the range. */
export function mostTime(type: EventType, as: string, limit: number, words: Words & { readonly failures?: string }): Panel {
  const { failures: failed = 'failures', ...said } = words;
  return {
    ...said,
    kind: 'table',
    unit: 'none',
    columnUnits: { seconds: 's', p95: 's', [failed]: 'percentunit' },
    postgres: [
      `select ${nameAs(as)}, count, total_ms / 1000 as seconds, p95_ms / 1000 as p95, error_rate as ${failed}
from keepwatch.top('total_ms', '${type}', n => ${limit}, ${CHOSEN})
limit ${limit}`,
    ],
  };
}

/** The ten longest executions, each with its trace. */
export function slowest(type: EventType, as: string, words: Words): Panel {
  return {
    ...words,
    kind: 'table',
    unit: 'none',
    columnUnits: { seconds: 's' },
    traceColumn: 'trace_id',
    postgres: [
      `select end_time as time, ${nameAs(as)}, duration_ms / 1000 as seconds, status, trace_id
from keepwatch.slowest('${type}', n => 10, ${CHOSEN})
limit 10`,
    ],
  };
}

function failedShare({ count, failed, ended }: Measured, ...labels: readonly string[]): string {
  return share(sum(rate(count, ...failed), ...labels), sum(rate(count, ended), ...labels));
}

function stepsBy(type: EventType, { label, group = label, as, isOptional = false }: By, column: string): string {
  return steps(type, `${isOptional ? "coalesce(value, '')" : 'value'} as ${as}, ${column}`, group);
}

function nameAs(as: string): string {
  return as === 'name' ? as : `name as ${as}`;
}
