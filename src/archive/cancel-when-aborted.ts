// Ends a statement that runs long. To close its connection would leave the server at work.
import type { Database, Transaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';

const cancelStatement = loadSql('archive/cancel-statement');

/**
 * From now on, what the session of the transaction runs is cancelled when the signal is aborted, over another connection of the database.
 * @returns what ends that
 */
export async function cancelWhenAborted(
  transaction: Transaction,
  database: Database,
  signal: AbortSignal | undefined,
): Promise<() => void> {
  if (signal === undefined) return () => {};
  const { pid } = await transaction.one<{ pid: number }>('select pg_backend_pid() as pid');
  const onAbort = () => void database.any(cancelStatement, { pid }).catch(() => {});
  signal.addEventListener('abort', onAbort);
  return () => signal.removeEventListener('abort', onAbort);
}
