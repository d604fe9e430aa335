// Removes partitions that are older than what is to be kept: days of raw events, months of rollups. Each step is a fact in Postgres, so that
// any process goes on where another ended: noted in retired_partitions, detached concurrently (readers and writers go on), then counted and
// dropped in one transaction.
import { type Database, inTransaction, sqlState } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { Lease } from './lease.ts';

const longReaders = loadSql('archive/long-readers');
const retirePartitions = loadSql('archive/retire-partitions');
const detachPartition = loadSql('archive/detach-partition');
const finishDetach = loadSql('archive/finish-detach');
const beginDrop = loadSql('archive/begin-drop');
const dropPartition = loadSql('archive/drop-partition');
/** Another process was faster: it is detached or gone, or it detaches this or another one just now (there can be one at a time). */
const NO_LONGER_THERE = ['42P01', '55000'];
const LOCK_TIMEOUT = '55P03';
const DAY_MS = 86_400_000;

const expiredDays = loadSql('archive/expired-days');
/** What has a retention of its own: how its partitions that are no longer kept are listed, of which table where days are asked for, and counted. */
const RETAINED = {
  events: { list: expiredDays, parent: 'observability_metrics', count: loadSql('archive/count-expired') },
  logs: { list: expiredDays, parent: 'observability_logs', count: loadSql('archive/count-expired-logs') },
  rollups: { list: loadSql('archive/expired-rollups'), parent: null, count: loadSql('archive/count-expired-rollups') },
} as const;

/** `events`: days of raw events. `logs`: days of log lines. `rollups`: months of minutes, and of hours; they stay while raw events of the month are there. */
export type Retained = keyof typeof RETAINED;

/** A partition of which no row is kept any longer. */
export interface ExpiredPartition {
  readonly name: string;
  /** The table that it is or was a part of. */
  readonly parent: string;
  /** Its rows ended before. */
  readonly until: Date;
  readonly state: 'attached' | 'detaching' | 'detached';
  /** With indexes. */
  readonly bytes: number;
  /** Names of the partitions, itself among them, that are noted at once as to be removed. */
  readonly noted: readonly string[];
}

export interface ListExpiredOptions {
  readonly retained: Retained;
  readonly keepMs: number;
  /** Of rollups: raw events that are older do not hold up their month. Default: all do. */
  readonly keepEventsMs?: number | undefined;
}

export interface ExpireOptions extends Pick<ListExpiredOptions, 'retained' | 'keepMs'> {
  readonly database: Database;
  readonly lease: Lease;
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
export function listExpired(
  database: Database,
  { retained, keepMs, keepEventsMs }: ListExpiredOptions,
): Promise<readonly ExpiredPartition[]> {
  const keepDaysOfEvents = keepEventsMs === undefined ? null : keepEventsMs / DAY_MS;
  const { list, parent } = RETAINED[retained];
  return database.any<ExpiredPartition>(list, { parent, keepDays: keepMs / DAY_MS, keepDaysOfEvents });
}

/**
 * Removes every partition whose rows are all older than `keepMs`, as long as the lease is ours.
 * A detachment would wait for transactions that use the table: while one has run for over a second, none is begun.
 * @throws what Postgres says; a next call goes on from there
 */
export async function expirePartitions(options: ExpireOptions): Promise<Expired> {
  const { database, lease, retained, keepMs, shouldStop, onDropped } = options;
  let partitions = 0;
  let rows = 0;
  let isWaiting = false;
  for (const partition of await listExpired(database, { retained, keepMs })) {
    if (shouldStop() || !(await lease.take())) break;
    if (partition.state !== 'detached') {
      const { readers } = await database.one<{ readers: number }>(longReaders, { parent: partition.parent });
      if (readers > 0) return { partitions, rows, isWaiting: true };
      await detach(database, partition);
    }
    const dropped = await drop(options, partition.name);
    if (dropped === 'in use') isWaiting = true;
    if (typeof dropped !== 'number') continue;
    partitions++;
    rows += dropped;
    onDropped?.(partition, dropped);
  }
  return { partitions, rows, isWaiting };
}

async function detach(database: Database, { name, parent, until, state, noted }: ExpiredPartition): Promise<void> {
  await database.none(retirePartitions, { names: [...noted], until });
  try {
    await database.none(state === 'detaching' ? finishDetach : detachPartition, { parent, name });
  } catch (error) {
    if (!NO_LONGER_THERE.includes(sqlState(error) ?? '')) throw error;
  }
}

/** @returns the rows that it had; undefined when it is not ours to drop: the lease was lost, or it is not detached */
async function drop({ database, lease, retained }: ExpireOptions, name: string): Promise<number | 'in use' | undefined> {
  try {
    return await inTransaction(database, async (transaction) => {
      await transaction.none(beginDrop);
      if (!(await lease.holds(transaction))) return undefined;
      const counted = await transaction.oneOrNone<{ rows: number }>(RETAINED[retained].count, { name });
      if (counted === null) return undefined;
      await transaction.none(dropPartition, { name });
      return counted.rows;
    });
  } catch (error) {
    if (sqlState(error) === LOCK_TIMEOUT) return 'in use';
    throw error;
  }
}
