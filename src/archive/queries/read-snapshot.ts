// Questions to Postgres that all see one moment, and that end in time.
import { type Database, inTransaction, sqlState } from '../../db/database.ts';
import type { SqlFile } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';

/** Runs one statement of the snapshot. */
export type Ask = <Row>(file: SqlFile, values: object) => Promise<Row[]>;

const QUERY_CANCELED = '57014';
const INVALID_PARAMETER_VALUE = '22023';

/**
 * Runs `work` in a transaction that only reads; all its statements together have `timeoutMs`.
 * @throws KeepwatchError ERR_QUERY_TIMEOUT when they take longer, ERR_USAGE when a function of ours refuses a parameter; else what Postgres says
 */
export async function readSnapshot<T>(database: Database, work: (ask: Ask) => Promise<T>, timeoutMs: number): Promise<T> {
  try {
    return await inTransaction(
      database,
      (transaction) => {
        const deadlineMs = performance.now() + timeoutMs;
        return work(async (file, values) => {
          const leftMs = Math.ceil(deadlineMs - performance.now());
          if (leftMs <= 0) throw tookTooLong(timeoutMs);
          // What a query of an archive costs is guessed too high: to compile it takes longer than to run it.
          await transaction.none('set local statement_timeout = $<leftMs>; set local jit = off', { leftMs });
          return transaction.any(file, values);
        });
      },
      'snapshot',
    );
  } catch (error) {
    const state = sqlState(error);
    if (state === QUERY_CANCELED) throw tookTooLong(timeoutMs, error);
    // What functions of ours refuse: their message says what was given, and what is allowed.
    if (state === INVALID_PARAMETER_VALUE) throw new KeepwatchError('ERR_USAGE', (error as Error).message, { cause: error });
    throw error;
  }
}

function tookTooLong(timeoutMs: number, cause?: unknown): KeepwatchError {
  return new KeepwatchError(
    'ERR_QUERY_TIMEOUT',
    `the archive was asked for more than it could read in ${timeoutMs / 1000} s; narrow the range: bring from and to closer together`,
    { cause },
  );
}
