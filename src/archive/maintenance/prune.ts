// Removes days at once, by the steps of retention, for a person who says how much is to be kept: counted as expired, so that verify adds up.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Database, sqlState } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { Lease } from './lease.ts';
import { type ExpiredPartition, expirePartitions, listExpired } from './retention.ts';

/** A UTC day of raw events. */
export interface ExpiredDay {
  /** `2026-11-20` */
  readonly day: string;
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
}

export interface PruneOptions {
  /** As the owner of the tables, without a query timeout: to count a day takes as long as it takes. */
  readonly database: Database;
  /** At least a day. */
  readonly keepMs: number;
  /** Stops it between two days. */
  readonly signal?: AbortSignal;
  readonly onDay?: (day: ExpiredDay) => void;
  /** Called when it has to wait: for what. */
  readonly onWait?: (what: string) => void;
  /** How long to wait for other processes and for long readers; default 90,000: longer than any lease. */
  readonly waitMs?: number;
}

export interface Pruned {
  /** The oldest first. */
  readonly removed: readonly ExpiredDay[];
  /** Days that are still there: a long transaction reads them, or it was stopped. */
  readonly left: number;
}

const LEASE_SECONDS = 60;
const RETRY_MS = 500;
const UNDEFINED_TABLE = '42P01';

const countRows = loadSql('archive/count-rows');
const mayMaintain = loadSql('archive/may-maintain');

/** The days that `pruneDays` would remove, their rows counted. @throws KeepwatchError ERR_USAGE when this user may not; what Postgres says */
export async function listPrunable(database: Database, keepMs: number, signal?: AbortSignal): Promise<ExpiredDay[]> {
  await refuseStrangers(database);
  const days: ExpiredDay[] = [];
  for (const partition of await listExpired(database, keepMs)) {
    if (signal?.aborted) break;
    const rows = await rowsOf(database, partition);
    if (rows !== undefined) days.push(describeDay(partition, rows));
  }
  return days.sort(byDay);
}

/**
 * Removes every day whose events are all older than `keepMs`. Rollups stay.
 * @throws KeepwatchError ERR_USAGE when this user may not; what Postgres says: what is removed by then stays removed
 */
export async function pruneDays(options: PruneOptions): Promise<Pruned> {
  const { database, keepMs, signal, onDay, onWait, waitMs = 90_000 } = options;
  await refuseStrangers(database);
  const lease = new Lease({ database, name: 'maintenance', holder: `prune ${randomUUID()}`, seconds: LEASE_SECONDS });
  const removed: ExpiredDay[] = [];
  const shouldStop = () => signal?.aborted === true;
  const deadlineMs = performance.now() + waitMs;
  const onDropped = (partition: ExpiredPartition, rows: number) => {
    const day = describeDay(partition, rows);
    removed.push(day);
    onDay?.(day);
  };
  try {
    while (!shouldStop()) {
      let reason = 'another process that removes old days';
      if (await lease.take()) {
        await expirePartitions({ database, lease, keepMs, shouldStop, onDropped });
        if ((await listExpired(database, keepMs)).length === 0) break;
        reason = 'a transaction that reads the events';
      }
      if (performance.now() >= deadlineMs) break;
      onWait?.(reason);
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    await lease.release();
  }
  return { removed: removed.sort(byDay), left: (await listExpired(database, keepMs)).length };
}

async function refuseStrangers(database: Database): Promise<void> {
  const { may_maintain: isAllowed } = await database.one<{ may_maintain: boolean }>(mayMaintain);
  if (isAllowed) return;
  throw new KeepwatchError(
    'ERR_USAGE',
    'only the user that owns keepwatch.observability_metrics may remove days: set DATABASE_URL to one',
  );
}

/** @returns undefined when it is gone */
async function rowsOf(database: Database, { name }: ExpiredPartition): Promise<number | undefined> {
  try {
    return (await database.one<{ rows: number }>(countRows, { name })).rows;
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}

function describeDay({ until, bytes }: ExpiredPartition, rows: number): ExpiredDay {
  return { day: new Date(until.getTime() - 1).toISOString().slice(0, 10), rows, bytes };
}

function byDay(a: ExpiredDay, b: ExpiredDay): number {
  return a.day < b.day ? -1 : 1;
}
