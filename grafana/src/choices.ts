// Variables of a dashboard that choose some of the executions of a domain, such as tenants: several values, or All.
import type { EventType } from '../../src/event.ts';
import { NAME_LABELS } from '../../src/instrument/metrics/catalogue.ts';
import type { SampleName } from './promql.ts';

/** What can be chosen, and how it is read from each data source. */
export interface Choice {
  /** Of the variable. */
  readonly name: string;
  readonly title: string;
  /** The label of metrics whose values are chosen; in Postgres a label of rollups and a member of the metadata. */
  readonly label: string;
  /** Prometheus knows the values by this metric. */
  readonly metric: SampleName;
  /** Postgres knows them by executions of this type; default all that have the label, and usage, which is told apart by it. */
  readonly type?: EventType;
}

/** All, in each data source, as it is put into queries: without quotes. A regular expression takes what has no such label, too. */
export const ALL_VALUES = { prometheus: '.*', postgres: 'null' } as const;

/** Of a metric that has the label. */
export function matcherOf({ name, label }: Choice): string {
  return `${label}=~"$${name}"`;
}

/** A condition on an expression of type text. With All the array holds null, and so nothing is compared. Grafana quotes each value. */
export function isChosen({ name }: Pick<Choice, 'name'>, expression: string): string {
  return `coalesce(coalesce(${expression}, '') = any (array[\${${name}}]::text[]), true)`;
}

/** Whether all variables are at All: a constant, so that the planner leaves out what is asked otherwise then. */
export function isAll(choices: readonly Choice[]): string {
  const names = choices.map(({ name }) => `\${${name}}`).join(', ');
  return `array[${names}]::text[] = array[${choices.map(() => 'null').join(', ')}]::text[]`;
}

/** A label of executions of a type as an expression: a column, or a member of the labels of rollups or the metadata of events. */
export function labelValueOf(label: string, type: EventType | undefined, members: 'labels' | 'metadata'): string {
  if (label === 'status' || label === 'type') return label;
  const nameLabel: string | undefined = NAME_LABELS[type as keyof typeof NAME_LABELS];
  return label === nameLabel ? 'name' : `${members} ->> '${label}'`;
}

/** The values that there are, for the list of the variable. */
export const VALUES = {
  prometheus: ({ metric, label }: Choice) => `label_values(${metric}{job=~"$job"}, ${label})`,
  postgres: ({ label, type }: Choice) => {
    const value = labelValueOf(label, type, 'labels');
    const ofType = type === undefined ? '' : `type = '${type}' and `;
    const ofSeries = `select ${value} as value from keepwatch.observability_series where ${ofType}${value} <> ''`;
    if (type !== undefined) return `select distinct ${ofSeries.slice('select '.length)} order by 1 limit 1000`;
    // Models are called for some that no metric names.
    const ofUsage = `select labels ->> '${label}' from keepwatch.usage(from_time => $__timeFrom(), to_time => $__timeTo()) where labels ->> '${label}' <> ''`;
    return `${ofSeries} union ${ofUsage} order by 1 limit 1000`;
  },
} as const;
