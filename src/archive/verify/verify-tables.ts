// What Postgres holds, for the law: ledger, counts of series, and the rows by source, lane and series, all of one moment, read partition by
// partition. It may take minutes; partitions that retention would drop meanwhile wait.
import { type Database, inTransaction, sqlState, type Transaction } from '../../db/database.ts';
import { loadSql, readSql, type SqlFile } from '../../db/sql.ts';
import { cancelWhenAborted } from '../cancel-when-aborted.ts';
import { hasLogTable } from '../drain/log-drain.ts';
import { isApart, type Leaf, type Relation, TableReader, type TableReaderOptions } from './table-reader.ts';
import type { Tables } from './table-rows.ts';

export interface ReadTablesOptions extends TableReaderOptions {
  readonly database: Database;
}

const LOCK_FAILURES = ['42P01', '55P03'];
const ATTEMPTS = 5;

const beginVerify = readSql('archive/begin-verify');
const lockArchive = loadSql('archive/lock-archive');
const lockRollups = loadSql('archive/lock-rollups');
const lockLeaf = loadSql('archive/lock-leaf');
const listLeaves = loadSql('archive/list-leaves');
const listLogLeaves = loadSql('archive/list-log-leaves');
const lockLogs = loadSql('archive/lock-logs');

/** @throws what Postgres says; the reason of the signal when it was told to stop */
export async function readTables(options: ReadTablesOptions): Promise<Tables> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      const tables = await readOnce(options);
      if (tables !== undefined) return tables;
    } catch (error) {
      options.signal?.throwIfAborted();
      // A partition was dropped just now, or is being dropped.
      if (attempt === ATTEMPTS || !LOCK_FAILURES.includes(sqlState(error) ?? '')) throw error;
    }
  }
}

/** @returns undefined when a partition was detached between the list and the snapshot */
async function readOnce(options: ReadTablesOptions): Promise<Tables | undefined> {
  const { database, signal } = options;
  const hasLogs = await hasLogTable(database);
  const before = await listAll(database);
  let stopListening = () => {};
  try {
    return await inTransaction(
      database,
      async (transaction) => {
        await transaction.multi(beginVerify);
        await transaction.none(lockArchive);
        await transaction.none(lockRollups);
        if (hasLogs) await transaction.none(lockLogs);
        for (const leaf of before.filter(isApart)) await transaction.none(lockLeaf, { name: leaf.name });
        stopListening = await cancelWhenAborted(transaction, database, signal);
        const leaves = await listAll(transaction);
        const locked = new Set(before.filter(isApart).map(({ name }) => name));
        if (leaves.some((leaf) => isApart(leaf) && !locked.has(leaf.name))) return undefined;
        return new TableReader(transaction, options).read(leaves, { hasLogs });
      },
      'snapshot',
    );
  } finally {
    stopListening();
  }
}

/** Of events, then of log lines. */
async function listAll(database: Pick<Database | Transaction, 'any'>): Promise<Leaf[]> {
  const list = async (statement: SqlFile, relation: Relation) =>
    (await database.any<Omit<Leaf, 'relation'>>(statement)).map((leaf): Leaf => ({ ...leaf, relation }));
  return [...(await list(listLeaves, 'observability_metrics')), ...(await list(listLogLeaves, 'observability_logs'))];
}
