// Closes hours of usage: adds their raw rows up into usage_hours, a day in one transaction at most, the newest first. Cut off anywhere, what is not closed is
// read from raw rows: every answer stays right.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { whileHeld } from '../maintenance/lease.ts';
import type { LeasedRun } from '../maintenance/leased-work.ts';

/** An hour is closed when it has been over, or nothing came late to it, for so long. */
const SETTLE_SECONDS = 300;
/** Of one call; what is left waits for the next one, and folding is not held up. */
const BUSY_MS = 5000;
const RANGES_AT_ONCE = 10;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const nextUsageHours = loadSql('archive/next-usage-hours');
const lockUsageHours = loadSql('archive/lock-usage-hours');
const closeUsageHours = loadSql('archive/close-usage-hours');
const compileNothing = loadSql('archive/compile-nothing');
const expireUsage = loadSql('archive/expire-usage');

/** Whole hours of one UTC day. */
interface HourRange {
  readonly since: Date;
  readonly until: Date;
}

export interface CloseUsageOptions extends LeasedRun {
  /** Without a short query timeout: to read an hour takes as long as it takes. */
  readonly database: Database;
  /** Default 300. */
  readonly settleSeconds?: number;
  /** Nothing more is begun after so many milliseconds; default 5,000. */
  readonly busyMs?: number;
}

/**
 * Closes hours that are due, as long as the lease is ours.
 * @returns how many
 * @throws what Postgres says; a next call goes on from there
 */
export async function closeUsage(options: CloseUsageOptions): Promise<number> {
  const { database, lease, shouldStop, settleSeconds = SETTLE_SECONDS, busyMs = BUSY_MS } = options;
  const untilMs = performance.now() + busyMs;
  const isOver = () => shouldStop() || performance.now() >= untilMs;
  let total = 0;
  while (!isOver()) {
    const due = await database.any<HourRange>(nextUsageHours, { settleSeconds, limit: RANGES_AT_ONCE });
    for (const range of due) {
      if (isOver() || !(await lease.take()) || (await close(options, range)) === undefined) return total;
      total += (range.until.getTime() - range.since.getTime()) / HOUR_MS;
    }
    if (due.length < RANGES_AT_ONCE) break;
  }
  return total;
}

/** @returns undefined: the lease is not ours any more */
function close(run: LeasedRun, { since, until }: HourRange): Promise<boolean | undefined> {
  return whileHeld(run, async (transaction) => {
    await transaction.none(compileNothing);
    await transaction.none(lockUsageHours, { since, until });
    await transaction.none(closeUsageHours, { since, until });
    return true;
  });
}

/**
 * Removes usage of months whose rollups are no longer kept, if the lease is ours.
 * @param keepMs how long rollups are kept
 * @returns how many hours
 * @throws what Postgres says
 */
export async function removeExpiredUsage({ database, lease, shouldStop }: LeasedRun, keepMs: number): Promise<number> {
  if (shouldStop() || !(await lease.take())) return 0;
  const expired = await whileHeld({ database, lease }, (transaction) =>
    transaction.one<{ hours: number }>(expireUsage, { keepDays: keepMs / DAY_MS }),
  );
  return expired?.hours ?? 0;
}
