// All that a first screen shows, as of one moment: four statements.
import { loadSql } from '../../db/sql.ts';
import type { TimeRange } from './event-filter.ts';
import type { Ask } from './read-snapshot.ts';
import { aggregate, type Point, readSteps, toPoints } from './timeseries.ts';

export interface DashboardQuery extends TimeRange {
  readonly type?: string | undefined;
  readonly service?: string | undefined;
  readonly stepSeconds: number;
  /** Names and errors at most in each list. */
  readonly limit: number;
}

/** Executions; those that were given up count, and have no share in failures and durations. Durations are null where none ended. */
export interface Totals {
  readonly count: number;
  readonly failures: number;
  readonly aborted: number;
  /** failures / (count - aborted). */
  readonly error_rate: number | null;
  readonly avg_ms: number | null;
  readonly p95_ms: number | null;
}

export interface NameTotals extends Totals {
  readonly service: string;
  readonly type: string;
  readonly name: string;
}

export interface Dashboard {
  readonly from: string;
  readonly to: string;
  readonly totals: Totals & { readonly per_second: number; readonly p50_ms: number | null; readonly p99_ms: number | null };
  /** How many services, types and names there are. */
  readonly name_count: number;
  /** The busiest. */
  readonly top: readonly NameTotals[];
  /** Those with the most failures. */
  readonly failing: readonly NameTotals[];
  /** What failed, the most frequent first. */
  readonly errors: readonly ErrorRow[];
  readonly step_seconds: number;
  readonly rate: readonly Point[];
  readonly error_rate: readonly Point[];
  readonly p95_ms: readonly Point[];
}

interface ErrorRow {
  readonly fingerprint: string | null;
  readonly service: string;
  readonly type: string;
  readonly name: string;
  readonly count: number;
  readonly last_seen: string;
  readonly example_error: string | null;
  readonly example_trace_id: string | null;
}

interface MeasuredRow {
  readonly count: number;
  readonly failures: number;
  readonly aborted: number;
  readonly total_us: number;
}

interface NameRow extends MeasuredRow {
  readonly service: string;
  readonly type: string;
  readonly name: string;
  readonly p95_us: number | null;
  readonly busy_place: number;
  readonly failure_place: number;
  readonly names: number;
}

const totalsSql = loadSql('archive/dashboard-totals');
const namesSql = loadSql('archive/dashboard-names');
const errorsSql = loadSql('archive/dashboard-errors');

/** Reads it all from one snapshot. */
export async function readDashboard(ask: Ask, query: DashboardQuery, nowMs: number): Promise<Dashboard> {
  const { from, to, type = null, service = null, stepSeconds, limit } = query;
  const values = { from: from.getTime(), to: to.getTime(), type, service, limit };
  const [all] = await ask<MeasuredRow & { quantiles_us: readonly number[] | null }>(totalsSql, values);
  const names = await ask<NameRow>(namesSql, values);
  const errors = await ask<ErrorRow>(errorsSql, values);
  const steps = await readSteps(ask, query, nowMs, [null], [0.95]);
  const [p50, p95, p99] = all?.quantiles_us ?? [];
  const pointsOf = (agg: 'rate' | 'error_rate' | 'p95') => toPoints(query, steps, (step) => aggregate(agg, step));
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    totals: {
      ...toTotals(all ?? { count: 0, failures: 0, aborted: 0, total_us: 0 }, p95),
      per_second: ((all?.count ?? 0) * 1000) / (Math.min(to.getTime(), Math.max(nowMs, from.getTime() + 1)) - from.getTime()),
      p50_ms: toMs(p50),
      p99_ms: toMs(p99),
    },
    name_count: names[0]?.names ?? 0,
    top: names
      .filter((row) => row.busy_place <= limit)
      .sort((a, b) => a.busy_place - b.busy_place)
      .map(toName),
    failing: names
      .filter((row) => row.failure_place <= limit && row.failures > 0)
      .sort((a, b) => a.failure_place - b.failure_place)
      .map(toName),
    errors,
    step_seconds: stepSeconds,
    rate: pointsOf('rate'),
    error_rate: pointsOf('error_rate'),
    p95_ms: pointsOf('p95'),
  };
}

function toName(row: NameRow): NameTotals {
  return { service: row.service, type: row.type, name: row.name, ...toTotals(row, row.p95_us) };
}

function toTotals({ count, failures, aborted, total_us }: MeasuredRow, p95Us: number | null | undefined): Totals {
  const ended = count - aborted;
  const [errorRate, avgMs] = ended === 0 ? [null, null] : [failures / ended, total_us / ended / 1000];
  return { count, failures, aborted, error_rate: errorRate, avg_ms: avgMs, p95_ms: toMs(p95Us) };
}

function toMs(us: number | null | undefined): number | null {
  return us === null || us === undefined ? null : us / 1000;
}
