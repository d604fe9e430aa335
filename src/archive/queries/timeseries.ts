// One number over time: from rollups and, at the ragged ends of a range, raw rows, by keepwatch.measure.
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import type { TimeRange } from './event-filter.ts';
import type { Ask } from './read-snapshot.ts';

/** What a point is: executions a second, their count, the share that failed, or a duration in milliseconds. */
export type Aggregation = 'rate' | 'count' | 'error_rate' | 'avg' | 'p50' | 'p95' | 'p99';

/** The busiest groups are shown, so many at most. */
const MAX_GROUPS = 20;
/** Points at most that are measured to find those that are shown. */
const MAX_MEASURED = 60_000;
/** Steps begin at whole steps since this Monday, so that days and weeks begin where they do in UTC. */
const ORIGIN_S = 345_600;

export interface TimeseriesQuery extends TimeRange {
  readonly type?: string | undefined;
  readonly name?: string | undefined;
  readonly service?: string | undefined;
  readonly agg: Aggregation;
  /** Seconds from one point to the next. */
  readonly stepSeconds: number;
  /** `type`, `name`, `service`, `status`, or a label of the metrics; undefined: all in one. */
  readonly groupBy?: string | undefined;
}

/** Seconds since the epoch at which a step begins, and its value; null where nothing is there to tell. */
export type Point = [start: number, value: number | null];

export interface Timeseries {
  readonly agg: Aggregation;
  readonly from: string;
  readonly to: string;
  readonly step_seconds: number;
  readonly group_by: string | null;
  /** How many groups there are; `series` has the busiest of them. */
  readonly group_count: number;
  readonly series: readonly {
    /** Of what is grouped by; null: of all, or of what has no such label. */
    readonly value: string | null;
    /** One for each step. */
    readonly points: readonly Point[];
  }[];
}

/** What ended in one step. */
export interface Step {
  readonly value: string | null;
  readonly start: number;
  readonly seconds: number;
  readonly count: number;
  readonly failures: number;
  readonly aborted: number;
  readonly total_us: number;
  readonly quantiles_us: readonly number[] | null;
}

const QUANTILES: Readonly<Partial<Record<Aggregation, number>>> = { p50: 0.5, p95: 0.95, p99: 0.99 };
const groupsSql = loadSql('archive/timeseries-groups');
const timeseriesSql = loadSql('archive/timeseries');

/** Reads a timeseries with a point for every step, also where nothing ended. */
export async function readTimeseries(ask: Ask, query: TimeseriesQuery, nowMs: number): Promise<Timeseries> {
  const { from, to, agg, stepSeconds, groupBy } = query;
  const groups = groupBy === undefined ? undefined : await readGroups(ask, query, groupBy);
  if (groups !== undefined) refuseTooMany(query, groups[0]?.groups ?? 0);
  const shown: readonly (string | null)[] = groups?.map(({ value }) => value) ?? [null];
  const quantile = QUANTILES[agg];
  const steps = shown.length === 0 ? [] : await readSteps(ask, query, nowMs, shown, quantile === undefined ? [] : [quantile]);
  return {
    agg,
    from: from.toISOString(),
    to: to.toISOString(),
    step_seconds: stepSeconds,
    group_by: groupBy ?? null,
    group_count: groups === undefined ? 1 : (groups[0]?.groups ?? 0),
    series: shown.map((value) => ({
      value,
      points: toPoints(
        query,
        steps.filter((step) => step.value === value),
        (step) => aggregate(agg, step),
      ),
    })),
  };
}

/** The steps in which something ended. @param values of `groupBy`, or one null */
export function readSteps(
  ask: Ask,
  query: Omit<TimeseriesQuery, 'agg'>,
  nowMs: number,
  values: readonly (string | null)[],
  quantiles: readonly number[],
): Promise<Step[]> {
  const { type = null, name = null, service = null, groupBy = 'all', stepSeconds } = query;
  return ask<Step>(timeseriesSql, {
    ...{ from: query.from.getTime(), to: query.to.getTime(), type, name, service, groupBy, stepSeconds, quantiles },
    values: isMeasuredEach(groupBy) ? values : [null],
    now: nowMs,
  });
}

/** A point for every step of the range. */
export function toPoints(
  range: TimeRange & { readonly stepSeconds: number },
  steps: readonly Step[],
  read: (step: Step | undefined) => number | null,
): Point[] {
  const { stepSeconds } = range;
  const byStart = new Map(steps.map((step) => [step.start, step]));
  const from = range.from.getTime() / 1000;
  const to = range.to.getTime() / 1000;
  const points: Point[] = [];
  for (let start = ORIGIN_S + Math.floor((from - ORIGIN_S) / stepSeconds) * stepSeconds; start < to; start += stepSeconds)
    points.push([start, read(byStart.get(start))]);
  return points;
}

/** Executions that were given up count, and have no share in failures and durations. */
export function aggregate(agg: Aggregation, step: Step | undefined): number | null {
  if (step === undefined) return agg === 'rate' || agg === 'count' ? 0 : null;
  const { count, failures, aborted, seconds, total_us, quantiles_us } = step;
  const ended = count - aborted;
  if (agg === 'count') return count;
  if (agg === 'rate') return count / seconds;
  if (ended === 0) return null;
  if (agg === 'error_rate') return failures / ended;
  if (agg === 'avg') return total_us / ended / 1000;
  const us = quantiles_us?.[0];
  return us === undefined || us === null ? null : us / 1000;
}

/** All values of a label are measured, before the busiest are known to be those. @throws KeepwatchError ERR_USAGE */
function refuseTooMany({ from, to, stepSeconds, groupBy }: TimeseriesQuery, groups: number): void {
  const steps = Math.ceil((to.getTime() - from.getTime()) / 1000 / stepSeconds) + 1;
  if (isMeasuredEach(groupBy) || steps * groups <= MAX_MEASURED) return;
  const given = `group_by: ${JSON.stringify(groupBy)} has ${groups} values in this range, which is ${steps} steps long`;
  throw new KeepwatchError(
    'ERR_USAGE',
    `${given}; allowed: ${MAX_MEASURED} points; make step longer, or bring from and to closer together`,
  );
}

function isMeasuredEach(groupBy: string | undefined): boolean {
  return groupBy === 'type' || groupBy === 'name' || groupBy === 'service';
}

function readGroups(ask: Ask, query: TimeseriesQuery, groupBy: string): Promise<{ value: string | null; groups: number }[]> {
  const { type = null, name = null, service = null } = query;
  const values = { from: query.from.getTime(), to: query.to.getTime(), type, name, service, groupBy, limit: MAX_GROUPS };
  return ask(groupsSql, values);
}
