// Removes days of raw events and log lines, and months of rollups, at once, by the steps of retention, for a person who says how much is to be kept: counted
// as expired, so that verify adds up.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Database, sqlState } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { removeExpiredUsage } from '../rollups/usage.ts';
import { removeExpiredDeltas } from './expired-deltas.ts';
import { Lease } from './lease.ts';
import { type ExpiredPartition, expirePartitions, type ListExpiredOptions, listExpired } from './retention.ts';

interface ExpiredRows {
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
}

/** A UTC day of raw events, or of log lines. */
export interface ExpiredDay extends ExpiredRows {
  /** `2026-11-20` */
  readonly day: string;
}

/** A UTC month of rollups, of minutes and hours together. */
export interface ExpiredMonth extends ExpiredRows {
  /** `2026-11` */
  readonly month: string;
}

/** What goes, the oldest first. */
export interface Prunable {
  /** Of raw events. */
  readonly days: readonly ExpiredDay[];
  /** Of log lines. */
  readonly logDays: readonly ExpiredDay[];
  readonly months: readonly ExpiredMonth[];
}

export interface KeepOptions {
  /** Of raw events and log lines; at least a day. */
  readonly keepMs: number;
  /** Of rollups, at least `keepMs`; undefined: they all stay. */
  readonly keepRollupsMs?: number | undefined;
  /** Stops it between two partitions. */
  readonly signal?: AbortSignal;
}

export interface PruneOptions extends KeepOptions {
  /** As the owner of the tables, without a query timeout: to count a day takes as long as it takes. */
  readonly database: Database;
  /** Called for each partition that is gone: `2026-11-20`, `logs of 2026-11-20`, or `2026-11`, whose minutes and hours are two of them. */
  readonly onRemoved?: (what: string) => void;
  /** Called when it has to wait: for what. */
  readonly onWait?: (what: string) => void;
  /** How long to wait for other processes and for long readers; default 90,000: longer than any lease. */
  readonly waitMs?: number;
}

export interface Pruned extends Prunable {
  /** Days, and partitions of months, that are still there: a long transaction reads them, or it was stopped. */
  readonly left: number;
}

const LEASE_SECONDS = 60;
const RETRY_MS = 500;
const UNDEFINED_TABLE = '42P01';

const countRows = loadSql('archive/count-rows');
const mayMaintain = loadSql('archive/may-maintain');

/** What `prune` would remove, the rows counted. @throws KeepwatchError ERR_USAGE when this user may not; what Postgres says */
export async function listPrunable(database: Database, { keepMs, keepRollupsMs, signal }: KeepOptions): Promise<Prunable> {
  await refuseStrangers(database);
  const tally = new Tally();
  for (const list of listsOf(keepMs, keepRollupsMs, keepMs)) {
    for (const partition of await listExpired(database, list)) {
      if (signal?.aborted) break;
      const rows = await rowsOf(database, partition);
      if (rows !== undefined) tally.add(partition, rows);
    }
  }
  return tally.sorted();
}

/**
 * Removes every day whose events or lines are all older than `keepMs`, and every month whose rollups are all older than `keepRollupsMs`.
 * @throws KeepwatchError ERR_USAGE when this user may not; what Postgres says: what is removed by then stays removed
 */
export async function prune(options: PruneOptions): Promise<Pruned> {
  const { database, keepMs, keepRollupsMs, signal, onRemoved, onWait, waitMs = 90_000 } = options;
  await refuseStrangers(database);
  const lease = new Lease({ database, name: 'maintenance', holder: `prune ${randomUUID()}`, seconds: LEASE_SECONDS });
  const tally = new Tally();
  const shouldStop = () => signal?.aborted === true;
  const leased = { database, lease, shouldStop };
  const deadlineMs = performance.now() + waitMs;
  const lists = listsOf(keepMs, keepRollupsMs);
  const onDropped = (partition: ExpiredPartition, rows: number) => {
    const what = tally.add(partition, rows);
    onRemoved?.(what);
  };
  try {
    while (!shouldStop()) {
      let reason = 'another process that removes old days';
      if (await lease.take()) {
        for (const list of lists) await expirePartitions({ ...leased, ...list, onDropped });
        if (keepRollupsMs !== undefined) {
          await removeExpiredUsage(leased, keepRollupsMs);
          await removeExpiredDeltas(leased, keepRollupsMs);
        }
        if ((await countLeft(database, lists)) === 0) break;
        reason = 'a transaction that reads the events';
      }
      if (performance.now() >= deadlineMs) break;
      onWait?.(reason);
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    await lease.release();
  }
  return { ...tally.sorted(), left: await countLeft(database, lists) };
}

/** Days before months, which stay as long as there are days of them. */
function listsOf(keepMs: number, keepRollupsMs: number | undefined, keepEventsMs?: number): ListExpiredOptions[] {
  const days: ListExpiredOptions[] = [
    { retained: 'events', keepMs },
    { retained: 'logs', keepMs },
  ];
  return keepRollupsMs === undefined ? days : [...days, { retained: 'rollups', keepMs: keepRollupsMs, keepEventsMs }];
}

async function countLeft(database: Database, lists: readonly ListExpiredOptions[]): Promise<number> {
  let left = 0;
  for (const list of lists) left += (await listExpired(database, list)).length;
  return left;
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

/** Partitions by day, or by month. */
class Tally {
  readonly #days = new Map<string, ExpiredRows>();
  readonly #logDays = new Map<string, ExpiredRows>();
  readonly #months = new Map<string, ExpiredRows>();

  /** @returns what to call it */
  add({ parent, until, bytes }: ExpiredPartition, rows: number): string {
    const last = new Date(until.getTime() - 1).toISOString();
    const isLog = parent === 'observability_logs';
    const isDay = isLog || parent === 'observability_metrics';
    const known = isLog ? this.#logDays : isDay ? this.#days : this.#months;
    const key = last.slice(0, isDay ? 10 : 7);
    const { rows: rowsBefore, bytes: bytesBefore } = known.get(key) ?? { rows: 0, bytes: 0 };
    known.set(key, { rows: rowsBefore + rows, bytes: bytesBefore + bytes });
    return isLog ? `logs of ${key}` : key;
  }

  sorted(): Prunable {
    return {
      days: inOrder(this.#days).map(([day, of]) => ({ day, ...of })),
      logDays: inOrder(this.#logDays).map(([day, of]) => ({ day, ...of })),
      months: inOrder(this.#months).map(([month, of]) => ({ month, ...of })),
    };
  }
}

function inOrder(known: ReadonlyMap<string, ExpiredRows>): [string, ExpiredRows][] {
  return [...known].sort(([a], [b]) => (a < b ? -1 : 1));
}
