// Erases in the tables, some pages in a transaction: writers, readers and retention never wait for it, and what is done stays done.
import { setTimeout as delay } from 'node:timers/promises';
import { type Database, inTransaction, sqlState, type Transaction } from '../../db/database.ts';
import { loadSql, readSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { hasLogTable } from '../drain/log-drain.ts';
import { LOG_COLUMNS } from '../segments/copy-tuples.ts';
import type { Matcher } from './criteria.ts';
import { eraseTuple, matchesTuple } from './erase-tuple.ts';

const boundLocks = readSql('archive/bound-locks');
const countPages = loadSql('archive/count-pages');
const eraseDeadLetter = loadSql('archive/erase-dead-letter');
const EVENTS = {
  list: loadSql('archive/list-leaves'),
  count: loadSql('archive/count-erasable'),
  erase: loadSql('archive/erase-rows'),
  quarantine: 'observability_quarantine',
};
const LOGS = {
  list: loadSql('archive/list-log-leaves'),
  count: loadSql('archive/count-erasable-logs'),
  erase: loadSql('archive/erase-logs'),
  quarantine: 'observability_logs_quarantine',
};
const readDeadLetters = loadSql('archive/read-dead-letters');
const vacuumErased = loadSql('archive/vacuum-erased');

/** 4 MB: some ten thousand rows, some hundredths of a second. */
const PAGES_AT_ONCE = 512;
const DEAD_LETTERS_AT_ONCE = 100;
/** Somebody else alters the table: a partition is being detached. */
const BUSY = new Set(['55P03', '40P01', '40001']);
const UNDEFINED_TABLE = '42P01';
const MAX_TRIES = 10;
const RETRY_MS = 500;

/** As it is nearly everywhere; only progress is told by it. */
const PAGE_BYTES = 8192;

/** A table that holds events or log lines. */
export interface EventTable {
  readonly name: string;
  readonly of: typeof EVENTS;
  /** About. */
  readonly pages: number;
}

export interface ErasedTable {
  readonly table: string;
  /** Rows that were erased, or would be. */
  readonly rows: number;
}

export interface EraseRowsOptions {
  /** As the owner of the tables, without a query timeout. */
  readonly database: Database;
  readonly matcher: Matcher;
  /** Of end_time; undefined: no bound. */
  readonly from: Date | undefined;
  readonly until: Date | undefined;
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((what: string, donePages: number, allPages: number) => void) | undefined;
}

/**
 * Partitions, those that are being detached or are detached and not dropped, and the quarantine; of events, then of log lines.
 * @throws KeepwatchError ERR_DATABASE_UNAVAILABLE when somebody keeps one of them locked
 */
export async function listEventTables(
  options: Pick<EraseRowsOptions, 'database' | 'from' | 'until' | 'signal'>,
): Promise<EventTable[]> {
  return [
    ...(await listTables(EVENTS, options)),
    ...((await hasLogTable(options.database)) ? await listTables(LOGS, options) : []),
  ];
}

async function listTables(
  of: typeof EVENTS,
  { database, from, until, signal }: Pick<EraseRowsOptions, 'database' | 'from' | 'until' | 'signal'>,
): Promise<EventTable[]> {
  const leaves = await bounded(database, signal, (transaction) => transaction.any<Leaf>(of.list));
  if (leaves === 'locked' || leaves === 'gone') {
    throw new KeepwatchError('ERR_DATABASE_UNAVAILABLE', 'erase: somebody keeps a partition locked');
  }
  const isAsked = ({ from_day: fromDay, until_day: untilDay }: Leaf) =>
    (untilDay === null || from === undefined || untilDay > from) && (fromDay === null || until === undefined || fromDay < until);
  const tables = leaves.filter(isAsked).map(({ name, bytes }) => ({ name, of, pages: bytes / PAGE_BYTES }));
  return [...tables, { name: of.quarantine, of, pages: 0 }];
}

interface Leaf {
  readonly name: string;
  readonly from_day: Date | null;
  readonly until_day: Date | null;
  readonly bytes: number;
}

/**
 * Erases in one table after another. What is archived meanwhile is found when it stands behind the place that is looked at.
 * @returns what it did, and the tables that somebody else keeps locked
 */
export async function eraseTables(
  tables: readonly EventTable[],
  options: EraseRowsOptions,
): Promise<{ tables: ErasedTable[]; locked: string[] }> {
  const { database, signal, isDryRun } = options;
  const erased: ErasedTable[] = [];
  const locked: string[] = [];
  const allPages = tables.reduce((sum, { pages }) => sum + pages, 0);
  let donePages = 0;
  for (const table of tables) {
    if (signal?.aborted) break;
    const { name, pages } = table;
    const { rows, isLocked } = await eraseTable(table, options, (page) =>
      options.onProgress?.(name, donePages + Math.min(page, pages), allPages),
    );
    donePages += pages;
    erased.push({ table: name, rows });
    if (isLocked) locked.push(name);
    // Of a table that is locked or being dropped the old versions go with it, or with autovacuum.
    if (rows > 0 && !isDryRun) await database.none(vacuumErased, { name }).catch(() => {});
  }
  return { tables: erased, locked };
}

async function eraseTable(
  { name, of }: EventTable,
  options: EraseRowsOptions,
  onPage: (page: number) => void,
): Promise<{ rows: number; isLocked: boolean }> {
  const { database, matcher, from, until, isDryRun, signal } = options;
  const { path, vars } = matcher;
  const range = { from: from ?? null, until: until ?? null };
  let rows = 0;
  for (let page = 0; !signal?.aborted; page += PAGES_AT_ONCE) {
    onPage(page);
    const part = { name, fromPage: `(${page},0)`, untilPage: `(${page + PAGES_AT_ONCE},0)`, path, vars, ...range };
    const done = await bounded(database, signal, async (transaction) => {
      // What was erased is written at the end as a new version: the table grows while it is read, and comes to an end.
      const size = await transaction.oneOrNone<{ pages: number }>(countPages, { name });
      if (page >= (size?.pages ?? 0)) return undefined;
      return (await transaction.one<{ rows: number }>(isDryRun ? of.count : of.erase, part)).rows;
    });
    if (done === 'locked') return { rows, isLocked: true };
    if (done === undefined || done === 'gone') break;
    rows += done;
  }
  return { rows, isLocked: false };
}

/** A transaction that waits for no lock for long. @returns what it gives, or why it could not be done */
async function bounded<T>(
  database: Database,
  signal: AbortSignal | undefined,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T | 'locked' | 'gone'> {
  for (let tries = 1; ; tries++) {
    try {
      return await inTransaction(database, async (transaction) => {
        await transaction.none(boundLocks);
        return await work(transaction);
      });
    } catch (error) {
      const state = sqlState(error) ?? '';
      if (state === UNDEFINED_TABLE) return 'gone';
      if (!BUSY.has(state)) throw error;
      if (tries >= MAX_TRIES || signal?.aborted) return 'locked';
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
}

interface DeadLetter {
  readonly source_id: string;
  readonly lane: string;
  readonly segment: number;
  readonly batch: number;
  readonly row_number: number;
  readonly payload: Buffer;
}

/** Erases in the rows that Postgres refused, of whatever time: that of a refused row may be what was wrong. @returns how many */
export async function eraseDeadLetters({
  database,
  matcher,
  isDryRun,
  signal,
  onProgress,
}: EraseRowsOptions): Promise<{ letters: number; isLocked: boolean }> {
  let erased = 0;
  let last: Omit<DeadLetter, 'payload'> = { source_id: '-1', lane: '', segment: 0, batch: 0, row_number: 0 };
  while (!signal?.aborted) {
    onProgress?.('observability_dead_letter', 0, 0);
    const { source_id: sourceId, row_number: row, ...place } = last;
    const letters = await database.any<DeadLetter>(readDeadLetters, { sourceId, row, ...place, limit: DEAD_LETTERS_AT_ONCE });
    const found = letters.filter((letter) => isAsked(letter, matcher));
    if (found.length > 0 && !isDryRun) {
      const done = await bounded(database, signal, async (transaction) => {
        for (const letter of found) {
          eraseTuple(letter.payload, columnsOf(letter));
          await transaction.none(eraseDeadLetter, letter);
        }
      });
      if (done !== undefined) return { letters: erased, isLocked: true };
    }
    erased += found.length;
    const next = letters.at(-1);
    if (next === undefined || letters.length < DEAD_LETTERS_AT_ONCE) break;
    last = next;
  }
  return { letters: erased, isLocked: false };
}

/** Of an event it is told by its looks what is what: its columns are those of its version. */
function columnsOf({ lane }: DeadLetter): readonly string[] | undefined {
  return lane === 'logs' ? LOG_COLUMNS : undefined;
}

/** What is no tuple at all is not ours. */
function isAsked(letter: DeadLetter, matcher: Matcher): boolean {
  try {
    return matchesTuple(letter.payload, columnsOf(letter), matcher);
  } catch {
    return false;
  }
}
