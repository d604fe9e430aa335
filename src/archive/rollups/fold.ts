// Folds what batches have added to rollups into minutes and hours, in small transactions. Cut off anywhere, nothing is lost or counted twice:
// deltas go in the transaction that adds them up, and only while the lease is held.
import { loadSql } from '../../db/sql.ts';
import { whileHeld } from '../maintenance/lease.ts';
import type { LeasedRun } from '../maintenance/leased-work.ts';

/** A minute is folded when it has begun so long ago: most of its rows are there by then, and late ones are folded as they come. */
const SETTLE_SECONDS = 120;
const DELTAS_AT_ONCE = 20_000;
const DAY_MS = 86_400_000;

const coverDeltas = loadSql('archive/cover-deltas');
const compileNothing = loadSql('archive/compile-nothing');
const foldDeltas = loadSql('archive/fold-deltas');

export interface FoldOptions extends LeasedRun {
  /** How long rollups are kept: what is of months before is left as it is. Default: for ever. */
  readonly keepMs?: number | undefined;
  /** Default 120. */
  readonly settleSeconds?: number;
  /** Deltas in one transaction at most; default 20,000. */
  readonly deltasAtOnce?: number;
}

/**
 * Folds all that is due.
 * @returns how many deltas
 * @throws what Postgres says; a next call goes on from there
 */
export async function foldRollups(options: FoldOptions): Promise<number> {
  const {
    database,
    lease,
    shouldStop,
    keepMs,
    settleSeconds: seconds = SETTLE_SECONDS,
    deltasAtOnce: limit = DELTAS_AT_ONCE,
  } = options;
  const keepDays = keepMs === undefined ? null : keepMs / DAY_MS;
  await database.one(coverDeltas, { seconds, keepDays });
  let total = 0;
  let folded = limit;
  while (folded === limit && !shouldStop() && (await lease.take())) {
    const done = await whileHeld(options, async (transaction) => {
      await transaction.none(compileNothing);
      return transaction.one<{ folded: number }>(foldDeltas, { seconds, keepDays, limit });
    });
    folded = done?.folded ?? 0;
    total += folded;
  }
  return total;
}
