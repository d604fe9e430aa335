// Adds to the rollups what is not in them: rows from before there were rollups, a day in one transaction, the oldest first; and batches that
// older versions wrote beside newer ones. Each note of what is missing goes in the transaction that adds it: exactly once, wherever it is cut off.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { whileHeld } from '../maintenance/lease.ts';
import type { LeasedRun } from '../maintenance/leased-work.ts';

const DAY_MS = 86_400_000;
/** Rows ended at most so long before they were archived, and so long behind: the ingest window, and a day for clocks. */
const DAYS_BEFORE = 8;
const DAYS_BEHIND = 1;

const nextRollupWork = loadSql('archive/next-rollup-work');
const compileNothing = loadSql('archive/compile-nothing');
const addMissingRollups = loadSql('archive/add-missing-rollups');

export interface BackfillOptions extends LeasedRun {
  /** Without a short query timeout: to read a day takes as long as it takes. */
  readonly database: Database;
}

interface Work {
  readonly from_day: string | null;
  readonly until_day: string | null;
  readonly from_time: string | null;
  readonly until_time: string | null;
}

/**
 * Adds all that is missing, as long as the lease is ours; else what is left waits for a next call.
 * @returns rows that were added
 * @throws what Postgres says; a next call goes on from there
 */
export async function backfillRollups({ database, lease, shouldStop }: BackfillOptions): Promise<number> {
  let total = 0;
  while (!shouldStop() && (await lease.take())) {
    const work = await database.one<Work>(nextRollupWork);
    const step = stepOf(work);
    if (step === undefined) break;
    const rows = await whileHeld({ database, lease }, async (transaction) => {
      await transaction.none(compileNothing);
      return (await transaction.one<{ rows: number }>(addMissingRollups, step)).rows;
    });
    if (rows === undefined) break;
    total += rows;
  }
  return total;
}

/** Parameters of the statement; batches first: they are fresh, and few. */
function stepOf({ from_day: fromDay, until_day: untilDay, from_time: fromTime, until_time: untilTime }: Work) {
  const nothing = { fromDay: null, untilDay: null, fromTime: null, untilTime: null, rowsFrom: null, rowsUntil: null };
  if (fromTime !== null && untilTime !== null) {
    const rowsFrom = new Date(Date.parse(fromTime) - DAYS_BEFORE * DAY_MS);
    const rowsUntil = new Date(Date.parse(untilTime) + DAYS_BEHIND * DAY_MS);
    return { ...nothing, fromTime, untilTime, rowsFrom, rowsUntil };
  }
  return fromDay === null ? undefined : { ...nothing, fromDay, untilDay };
}
