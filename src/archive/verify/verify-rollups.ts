// Rollups and usage against raw rows, day by day as long as these are there, hours against minutes and days against hours for as long as there
// are any: every count, sum and bucket. In the moment that the caller reads.
import type { Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { Leaf } from './table-reader.ts';

/** Differences that are named at most. */
const MAX_NAMED = 10;

const verifyRollupsOfDay = loadSql('archive/verify-rollups-of-day');
const verifyUsageOfDay = loadSql('archive/verify-usage-of-day');
const verifyRollupHours = loadSql('archive/verify-rollup-hours');
const verifyRollupDays = loadSql('archive/verify-rollup-days');
const listRollups = loadSql('archive/list-rollups');

/** Rollups differ from what they are made of. */
export interface RollupDifference {
  /** `rollup_minutes` and `usage_hours`: from raw rows. `rollup_hours`: from the minutes. `rollup_days`: those that are closed, from the hours. */
  readonly kind: 'rollup_minutes' | 'rollup_hours' | 'rollup_days' | 'usage_hours';
  /** Begin of the minute, hour or day, ISO 8601. */
  readonly bucket: string;
  /** Null: the rollup has a series that nobody knows. */
  readonly service: string | null;
  readonly type: string | null;
  /** Of usage, its labels. */
  readonly name: string | null;
  /** Of usage, none. */
  readonly status: string;
  /** A sentence with the place and both sides. */
  readonly message: string;
}

export interface VerifiedRollups {
  /** Since when batches bring their rollups along, ISO 8601. */
  readonly startedAt: string;
  /** Days whose raw rows were compared. */
  readonly comparedDays: number;
  /** Days of which rows from before `startedAt` are still to be added by maintenance. */
  readonly historyDays: number;
  /** Batches of older versions that are still to be added by maintenance. */
  readonly backlogBatches: number;
  /** In all. */
  readonly differences: number;
  /** The first of them. */
  readonly problems: readonly RollupDifference[];
}

interface DifferenceRow {
  readonly bucket: Date;
  readonly service: string | null;
  readonly type: string | null;
  readonly name: string | null;
  readonly status: string;
  readonly differences: number;
  readonly raw?: unknown;
  readonly rolled?: unknown;
  readonly minutes?: unknown;
  readonly hours?: unknown;
  readonly days?: unknown;
}

export interface RollupCheckOptions {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (what: string) => void;
}

/** @throws what Postgres says; the reason of the signal */
export async function verifyRollups(
  transaction: Transaction,
  leaves: readonly Leaf[],
  { signal, onProgress }: RollupCheckOptions,
): Promise<VerifiedRollups> {
  interface Known {
    readonly months: readonly string[];
    readonly started_at: Date;
    readonly history_days: number;
    readonly backlog_batches: number;
  }
  const known = await transaction.one<Known>(listRollups);
  let differences = 0;
  const problems: RollupDifference[] = [];
  const note = (kind: RollupDifference['kind'], rows: readonly DifferenceRow[]) => {
    differences += rows[0]?.differences ?? 0;
    for (const row of rows) if (problems.length < MAX_NAMED) problems.push(describe(kind, row));
  };
  let comparedDays = 0;
  for (const { name, from_day: fromDay, until_day: untilDay, was_removed: wasRemoved } of leaves) {
    if (fromDay === null || untilDay === null) continue;
    signal?.throwIfAborted();
    onProgress(`rollups of ${name}`);
    note(
      'rollup_minutes',
      await transaction.any<DifferenceRow>(verifyRollupsOfDay, { fromDay, untilDay, wasRemoved, limit: MAX_NAMED }),
    );
    // What came of a day behind its removal is in no usage.
    if (!wasRemoved)
      note('usage_hours', await transaction.any<DifferenceRow>(verifyUsageOfDay, { fromDay, untilDay, limit: MAX_NAMED }));
    comparedDays++;
  }
  for (const month of known.months) {
    signal?.throwIfAborted();
    onProgress(`rollups per hour and day of ${month}`);
    const fromTime = new Date(`${month}-01T00:00:00Z`);
    const untilTime = new Date(Date.UTC(fromTime.getUTCFullYear(), fromTime.getUTCMonth() + 1));
    const range = { fromTime, untilTime, limit: MAX_NAMED };
    note('rollup_hours', await transaction.any<DifferenceRow>(verifyRollupHours, range));
    note('rollup_days', await transaction.any<DifferenceRow>(verifyRollupDays, range));
  }
  const { started_at: startedAt, history_days: historyDays, backlog_batches: backlogBatches } = known;
  return { startedAt: startedAt.toISOString(), comparedDays, historyDays, backlogBatches, differences, problems };
}

function describe(kind: RollupDifference['kind'], row: DifferenceRow): RollupDifference {
  const { service, type, name, status } = row;
  const bucket = row.bucket.toISOString();
  const place = `${service ?? 'unknown series'} ${type ?? ''} ${name ?? ''} ${status}`;
  const { what, source, expected, found } = {
    rollup_minutes: { what: 'rollups of the minute', source: 'raw rows', expected: row.raw, found: row.rolled },
    rollup_hours: { what: 'rollups of the hour', source: 'its minutes', expected: row.minutes, found: row.hours },
    rollup_days: { what: 'rollups of the day', source: 'its hours', expected: row.hours, found: row.days },
    usage_hours: { what: 'usage of the hour', source: 'raw rows', expected: row.raw, found: row.rolled },
  }[kind];
  const message = `${what} ${bucket}, ${place}: ${source} say ${brief(expected)}, the rollup ${brief(found)}`;
  return { kind, bucket, service, type, name, status, message };
}

/** The values, and of the histogram whatever fits in a line. */
function brief(values: unknown): string {
  if (values === null || values === undefined) return 'nothing';
  const text = JSON.stringify(values);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
