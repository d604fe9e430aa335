// Targets beside code in Postgres: declared by the processes of a service, measured from the archive.
import { type Database, inTransaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { formatQuantile, type Target } from '../../target.ts';

/** A row of targets that still holds. */
export interface StoredTarget {
  readonly service: string;
  readonly type: string;
  readonly name: string;
  readonly quantile: number;
  readonly limit_ms: number;
  readonly declared_by: string;
  /** ISO 8601 in UTC. */
  readonly declared_at: string;
  readonly last_seen_at: string;
}

/** A target and how it is met. */
export interface MeasuredTarget extends StoredTarget {
  /** `p95` */
  readonly label: string;
  /** Executions that were not aborted. */
  readonly count: number;
  /** Null when there are none. */
  readonly measured_ms: number | null;
  readonly state: 'pass' | 'fail' | 'no_data';
}

export interface TargetFilter {
  readonly from: Date;
  readonly to: Date;
  readonly service?: string | undefined;
  readonly type?: string | undefined;
  readonly name?: string | undefined;
}

/** Targets that are listed at most. */
export const MAX_TARGETS = 1000;
/** One that no process has declared for so long holds no more. */
export const HOLDS_DAYS = 7;

const MOVE_REVISION = loadSql('alerts/move-revision');
const DECLARE = loadSql('alerts/declare-targets');
const TOUCH = loadSql('alerts/touch-targets');
const HAS_TARGETS = loadSql('alerts/has-targets');
const MEASURE = loadSql('alerts/measure-targets');

/** Keeps what a process declares. Of two limits for the same quantile the one that was declared later holds. */
export async function declareTargets(
  database: Database,
  { service, instance, targets }: { readonly service: string; readonly instance: string; readonly targets: readonly Target[] },
): Promise<void> {
  if (targets.length === 0) return;
  const rows = targets.map(({ type, name, quantile, limitMs }) => ({ type, name, quantile, limit_ms: limitMs }));
  await inTransaction(database, async (transaction) => {
    const found = await transaction.any<{ is_new: boolean }>(DECLARE, { service, instance, targets: JSON.stringify(rows) });
    // Limits are read by the rule itself: only where there was no target before is there a new rule.
    if (found.some(({ is_new }) => is_new)) await transaction.none(MOVE_REVISION);
  });
}

/** Says that a process that declared them is still there; a limit that another process has changed meanwhile stays. */
export async function touchTargets(database: Database, service: string, targets: readonly Target[]): Promise<void> {
  const rows = targets.map(({ type, name, quantile }) => ({ type, name, quantile }));
  await database.none(TOUCH, { service, targets: JSON.stringify(rows) });
}

/** Whether there is one that holds. */
export async function hasTargets(database: Database): Promise<boolean> {
  return (await database.one<{ found: boolean }>(HAS_TARGETS, { days: HOLDS_DAYS })).found;
}

/** Those that hold, with what the archive says of a range of time. */
export async function measureTargets(
  database: Database,
  { from, to, service, type, name }: TargetFilter,
): Promise<readonly MeasuredTarget[]> {
  const rows = await database.any<Omit<MeasuredTarget, 'label' | 'state'>>(MEASURE, {
    from: from.getTime(),
    to: to.getTime(),
    service: service ?? null,
    type: type ?? null,
    name: name ?? null,
    days: HOLDS_DAYS,
    limit: MAX_TARGETS,
  });
  return rows.map((row) => ({ ...row, label: formatQuantile(row.quantile), state: stateOf(row) }));
}

function stateOf({ measured_ms, limit_ms }: { measured_ms: number | null; limit_ms: number }): MeasuredTarget['state'] {
  if (measured_ms === null) return 'no_data';
  return measured_ms <= limit_ms ? 'pass' : 'fail';
}
