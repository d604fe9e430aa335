// What was added to months of rollups that are no longer kept, by imports of what is long gone: it goes when its raw rows have gone.
import { loadSql } from '../../db/sql.ts';
import { whileHeld } from './lease.ts';
import type { LeasedRun } from './leased-work.ts';

const expireDeltas = loadSql('archive/expire-deltas');
const DAY_MS = 86_400_000;

/**
 * Removes it, if the lease is ours.
 * @param keepMs how long rollups are kept
 * @returns how many raw rows it stood for
 * @throws what Postgres says
 */
export async function removeExpiredDeltas({ database, lease, shouldStop }: LeasedRun, keepMs: number): Promise<number> {
  if (shouldStop() || !(await lease.take())) return 0;
  const expired = await whileHeld({ database, lease }, (transaction) =>
    transaction.one<{ rows: number }>(expireDeltas, { keepDays: keepMs / DAY_MS }),
  );
  return expired?.rows ?? 0;
}
