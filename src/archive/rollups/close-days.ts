// Makes rollups of days that are over of their hours, the newest first, each in a transaction, and only while the lease is held: nobody folds
// into its hours meanwhile. Readers take hours for whatever is not made yet, or has changed since.
import { loadSql } from '../../db/sql.ts';
import { whileHeld } from '../maintenance/lease.ts';
import type { LeasedRun } from '../maintenance/leased-work.ts';

/** A day is over for so long before it is made: most of what comes late has come by then. */
const SETTLE_SECONDS = 1800;
/** What comes later, hour after hour, has it made anew so often at most. */
const AGAIN_SECONDS = 300;
/** A third of a second each with a thousand series. */
const DAYS_AT_ONCE = 4;

const listOpenDays = loadSql('archive/list-open-days');
const compileNothing = loadSql('archive/compile-nothing');
const closeDay = loadSql('archive/close-day');

/** The lease is the one that folds hold. */
export interface CloseDaysOptions extends LeasedRun {
  /** Default 1800. */
  readonly settleSeconds?: number;
  /** Default 300. */
  readonly againSeconds?: number;
  /** Default 4. */
  readonly daysAtOnce?: number;
}

/**
 * Closes days that are due.
 * @returns how many; fewer than `daysAtOnce`: no more are due
 * @throws what Postgres says; a next call goes on from there
 */
export async function closeDays(options: CloseDaysOptions): Promise<number> {
  const { database, lease, shouldStop } = options;
  const { settleSeconds = SETTLE_SECONDS, againSeconds = AGAIN_SECONDS, daysAtOnce = DAYS_AT_ONCE } = options;
  const days = await database.any<{ day: string }>(listOpenDays, { settleSeconds, againSeconds, limit: daysAtOnce });
  let closed = 0;
  for (const { day } of days) {
    if (shouldStop() || !(await lease.take())) break;
    const done = await whileHeld(options, async (transaction) => {
      await transaction.none(compileNothing);
      return transaction.one(closeDay, { day });
    });
    if (done === undefined) break;
    closed++;
  }
  return closed;
}
