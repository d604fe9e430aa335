// Removes days that are older than what is to be kept. Each step is a fact in Postgres, so that any process goes on where another ended:
// noted in retired_partitions, detached concurrently (readers and writers go on), then counted by source and dropped in one transaction.
import { type Database, inTransaction, sqlState } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { Lease } from './lease.ts';

const expiredPartitions = loadSql('archive/expired-partitions');
const longReaders = loadSql('archive/long-readers');
const retirePartition = loadSql('archive/retire-partition');
const detachPartition = loadSql('archive/detach-partition');
const finishDetach = loadSql('archive/finish-detach');
const beginDrop = loadSql('archive/begin-drop');
const countExpired = loadSql('archive/count-expired');
const dropPartition = loadSql('archive/drop-partition');
/** Another process was faster: it is detached or gone, or it detaches this or another one just now (there can be one at a time). */
const NO_LONGER_THERE = ['42P01', '55000'];
const LOCK_TIMEOUT = '55P03';

/** A partition of which no row is kept any longer. */
export interface ExpiredPartition {
  readonly name: string;
  /** Its rows ended before. */
  readonly until: Date;
  readonly state: 'attached' | 'detaching' | 'detached';
  /** With indexes. */
  readonly bytes: number;
}

export interface ExpireOptions {
  readonly database: Database;
  readonly lease: Lease;
  readonly keepMs: number;
  /** Asked between steps. */
  readonly shouldStop: () => boolean;
  /** Called for each partition that is gone. */
  readonly onDropped?: (partition: ExpiredPartition, rows: number) => void;
}

export interface Expired {
  readonly partitions: number;
  readonly rows: number;
  /** Some are still there: a long transaction reads the table, or one of them. They go with a later call. */
  readonly isWaiting: boolean;
}

/** Partitions whose rows are all older than `keepMs`, the oldest first behind those whose removal has begun. @throws what Postgres says */
export function listExpired(database: Database, keepMs: number): Promise<readonly ExpiredPartition[]> {
  return database.any<ExpiredPartition>(expiredPartitions, { keepDays: keepMs / 86_400_000 });
}

/**
 * Removes every partition whose rows are all older than `keepMs`, as long as the lease is ours.
 * A detachment would wait for transactions that use the table: while one has run for over a second, none is begun.
 * @throws what Postgres says; a next call goes on from there
 */
export async function expirePartitions({ database, lease, keepMs, shouldStop, onDropped }: ExpireOptions): Promise<Expired> {
  let partitions = 0;
  let rows = 0;
  let isWaiting = false;
  for (const partition of await listExpired(database, keepMs)) {
    if (shouldStop() || !(await lease.take())) break;
    if (partition.state !== 'detached') {
      const { readers } = await database.one<{ readers: number }>(longReaders);
      if (readers > 0) return { partitions, rows, isWaiting: true };
      await detach(database, partition);
    }
    const dropped = await drop(database, lease, partition.name);
    if (dropped === 'in use') isWaiting = true;
    if (typeof dropped !== 'number') continue;
    partitions++;
    rows += dropped;
    onDropped?.(partition, dropped);
  }
  return { partitions, rows, isWaiting };
}

async function detach(database: Database, { name, until, state }: ExpiredPartition): Promise<void> {
  await database.none(retirePartition, { name, until });
  try {
    await database.none(state === 'detaching' ? finishDetach : detachPartition, { name });
  } catch (error) {
    if (!NO_LONGER_THERE.includes(sqlState(error) ?? '')) throw error;
  }
}

/** @returns the rows that it had; undefined when it is not ours to drop: the lease was lost, or it is not detached */
async function drop(database: Database, lease: Lease, name: string): Promise<number | 'in use' | undefined> {
  try {
    return await inTransaction(database, async (transaction) => {
      await transaction.none(beginDrop);
      if (!(await lease.holds(transaction))) return undefined;
      const counted = await transaction.oneOrNone<{ rows: number }>(countExpired, { name });
      if (counted === null) return undefined;
      await transaction.none(dropPartition, { name });
      return counted.rows;
    });
  } catch (error) {
    if (sqlState(error) === LOCK_TIMEOUT) return 'in use';
    throw error;
  }
}
