// Erases what the archive says of a person: raw rows, quarantine, dead letters and the spool of this machine. Every event stays an event with
// its times, status, name and ids, so that the accounting law, `verify` and rollups stay true; its metadata and the text of its error go.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { type Criterion, createMatcher } from './criteria.ts';
import { type ErasedTable, type EraseRowsOptions, eraseDeadLetters, eraseTables, listEventTables } from './erase-rows.ts';
import { eraseSpool } from './erase-spool.ts';

const isLabel = loadSql('archive/is-label');
const mayMaintain = loadSql('archive/may-maintain');

export interface EraseOptions {
  /** As the owner of the tables, without a query timeout. */
  readonly database: Database;
  readonly spoolDir: string;
  /** All have to be true of an event's metadata. */
  readonly where: readonly Criterion[];
  /** Only events that ended in [from, until); dead letters of any time. Default: all. */
  readonly from?: Date | undefined;
  readonly until?: Date | undefined;
  /** Counts, and changes nothing. */
  readonly isDryRun?: boolean;
  /** Stops it between two transactions or files. */
  readonly signal?: AbortSignal;
  /** @param done of `all` pages; both 0 where that is not known */
  readonly onProgress?: (what: string, done: number, all: number) => void;
}

/** What was erased, or would be. */
export interface EraseReport {
  readonly tables: readonly ErasedTable[];
  readonly deadLetters: number;
  readonly spoolEvents: number;
  readonly spoolFiles: number;
  /** Events in spool files that running processes are about to archive: erase again when they have. */
  readonly waiting: number;
  /** Places that hold, or may hold, some, and could not be changed: what, and why. */
  readonly left: readonly string[];
  /** Labels of a metric say what was asked for: rollups keep them. */
  readonly isLabel: boolean;
  /** It was stopped before its end. */
  readonly isStopped: boolean;
}

/**
 * Erases. May be stopped, killed and run again at any time: what is erased is not found again.
 * @throws KeepwatchError ERR_USAGE without a criterion, or when this user may not; what Postgres says: what is erased by then stays erased
 */
export async function eraseEvents(options: EraseOptions): Promise<EraseReport> {
  const { database, spoolDir, where, from, until, isDryRun = false, signal, onProgress } = options;
  const matcher = createMatcher(where);
  await refuseStrangers(database);
  const { path, vars } = matcher;
  const { is_label: isInLabels } = await database.one<{ is_label: boolean }>(isLabel, { path, vars });
  const range = { fromMs: from?.getTime() ?? -Infinity, untilMs: until?.getTime() ?? Infinity };
  // First what is on the way to the tables.
  const spool = await eraseSpool({
    spoolDir,
    matcher,
    range,
    isDryRun,
    signal,
    onProgress: (what) => onProgress?.(what, 0, 0),
  });
  const rows: EraseRowsOptions = { database, matcher, from, until, isDryRun, signal, onProgress };
  const { tables, locked } = await eraseTables(await listEventTables(rows), rows);
  const deadLetters = await eraseDeadLetters(rows);
  if (deadLetters.isLocked) locked.push('observability_dead_letter');
  return {
    tables: tables.filter((table) => table.rows > 0),
    deadLetters: deadLetters.letters,
    spoolEvents: spool.events,
    spoolFiles: spool.files,
    waiting: spool.waiting,
    left: [...spool.left, ...locked.map((name) => `keepwatch.${name}: somebody keeps it locked`)],
    isLabel: isInLabels,
    isStopped: signal?.aborted === true,
  };
}

async function refuseStrangers(database: Database): Promise<void> {
  const { may_maintain: isAllowed } = await database.one<{ may_maintain: boolean }>(mayMaintain);
  if (isAllowed) return;
  const message = 'only the user that owns keepwatch.observability_metrics (keepwatch_owner) may erase: set DATABASE_URL to one';
  throw new KeepwatchError('ERR_USAGE', message);
}
