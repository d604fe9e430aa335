// What Postgres holds, for the law: ledger, counts of series, and the rows by source, lane and series, all of one moment, read partition by
// partition. It may take minutes; partitions that retention would drop meanwhile wait.
import { type Database, inTransaction, sqlState, type Transaction } from '../../db/database.ts';
import { loadSql, readSql, type SqlFile } from '../../db/sql.ts';
import { eachSeries } from '../encoding/tuple-series.ts';
import { COLUMNS } from '../segments/copy-tuples.ts';
import { seriesKey, seriesName } from '../segments/series-counts.ts';
import type { VerifyProgress } from './verify-report.ts';

/** One source and lane as the ledger has it; lane is null for a source without a ledger. */
export interface LedgerRow {
  readonly source_id: string;
  readonly service: string | null;
  readonly instance: string | null;
  readonly closed: boolean | null;
  readonly unknown_tail_bytes: number | null;
  readonly expired: number;
  readonly lane: string | null;
  readonly segment: number | null;
  readonly batch: number | null;
  readonly recorded: number | null;
  readonly archived: number | null;
  readonly dead_lettered: number | null;
  readonly quarantined: number | null;
  readonly sampled_out: number | null;
  readonly dropped: Readonly<Record<string, number>> | null;
}

/** What the tables hold of one series. */
export interface SeriesRows {
  readonly type: string;
  readonly name: string;
  recorded: number;
  dropped: number;
  expired: number;
  rows: number;
  quarantined: number;
  deadLettered: number;
}

/** Of one source and lane. */
export interface LaneRows {
  readonly sourceId: string;
  readonly lane: string;
  /** By `seriesKey`. */
  readonly series: Map<string, SeriesRows>;
  /** Those whose series cannot be read among them. */
  deadLettered: number;
  doubled: number;
  readonly doubledIds: string[];
}

export interface Tables {
  readonly ledger: readonly LedgerRow[];
  /** By `laneKey`. */
  readonly lanes: ReadonlyMap<string, LaneRows>;
  readonly uncomparedIds: number;
}

export interface ReadTablesOptions {
  readonly database: Database;
  /** Compare the ids of all rows, in large partitions too. */
  readonly allIds: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: VerifyProgress) => void;
}

interface Leaf {
  readonly name: string;
  readonly from_day: Date | null;
  readonly until_day: Date | null;
  readonly bytes: number;
}

interface Counted {
  readonly source_id: string;
  readonly is_kept: boolean;
  readonly events: number;
}

const LOCK_FAILURES = ['42P01', '55P03'];
const ATTEMPTS = 5;
/** To compare the ids of so many rows takes about as long as to count them. */
const FEW_ROWS = 1_000_000;
const DEAD_LETTERS = 2000;

const beginVerify = readSql('archive/begin-verify');
const lockArchive = loadSql('archive/lock-archive');
const lockLeaf = loadSql('archive/lock-leaf');
const listLeaves = loadSql('archive/list-leaves');
const cancelStatement = loadSql('archive/cancel-statement');
const verifySources = loadSql('archive/verify-sources');
const verifySeries = loadSql('archive/verify-series');
const verifyDay = loadSql('archive/verify-day');
const verifyTable = loadSql('archive/verify-table');
const findDoublesOfDay = loadSql('archive/find-doubles-of-day');
const findDoublesOfTable = loadSql('archive/find-doubles-of-table');
const verifyDeadLetters = loadSql('archive/verify-dead-letters');

export function laneKey(sourceId: string, lane: string | null): string {
  return `${sourceId} ${lane ?? ''}`;
}

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
  const before = await database.any<Leaf>(listLeaves);
  let stopListening = () => {};
  try {
    return await inTransaction(
      database,
      async (transaction) => {
        await transaction.multi(beginVerify);
        await transaction.none(lockArchive);
        for (const leaf of before.filter(isApart)) await transaction.none(lockLeaf, { name: leaf.name });
        stopListening = await cancelWhenAborted(transaction, database, signal);
        const leaves = await transaction.any<Leaf>(listLeaves);
        const locked = new Set(before.filter(isApart).map(({ name }) => name));
        if (leaves.some((leaf) => isApart(leaf) && !locked.has(leaf.name))) return undefined;
        return new TableReader(transaction, options).read(leaves);
      },
      'snapshot',
    );
  } finally {
    stopListening();
  }
}

/** Not to be read through the table by its day. */
function isApart({ from_day: fromDay }: Leaf): boolean {
  return fromDay === null;
}

/** To close the connection would leave the server reading. @returns what ends it */
async function cancelWhenAborted(
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

class TableReader {
  readonly #transaction: Transaction;
  readonly #options: ReadTablesOptions;
  readonly #lanes = new Map<string, LaneRows>();
  #uncomparedIds = 0;

  constructor(transaction: Transaction, options: ReadTablesOptions) {
    this.#transaction = transaction;
    this.#options = options;
  }

  async read(leaves: readonly Leaf[]): Promise<Tables> {
    const ledger = await this.#transaction.any<LedgerRow>(verifySources);
    await this.#readSeries();
    await this.#count('observability_quarantine', verifyTable, { name: 'observability_quarantine' }, 'quarantined');
    await this.#readDeadLetters();
    const large: Leaf[] = [];
    const totalBytes = leaves.reduce((total, { bytes }) => total + bytes, 0);
    let doneBytes = 0;
    for (const leaf of leaves) {
      this.#options.onProgress({ what: leaf.name, doneBytes, totalBytes });
      const rows = await this.#countLeaf(leaf);
      if (rows <= FEW_ROWS || this.#options.allIds) await this.#findDoubles(leaf, null);
      else {
        large.push(leaf);
        this.#uncomparedIds += rows;
      }
      doneBytes += leaf.bytes;
    }
    const surplus = this.#sourcesWithSurplus(ledger);
    for (const leaf of surplus.length > 0 ? large : []) await this.#findDoubles(leaf, surplus);
    return { ledger, lanes: this.#lanes, uncomparedIds: this.#uncomparedIds };
  }

  #lane(sourceId: string, lane: string): LaneRows {
    const key = laneKey(sourceId, lane);
    let found = this.#lanes.get(key);
    if (found === undefined) {
      found = { sourceId, lane, series: new Map(), deadLettered: 0, doubled: 0, doubledIds: [] };
      this.#lanes.set(key, found);
    }
    return found;
  }

  #series(lane: LaneRows, type: string, given: string): SeriesRows {
    const name = seriesName(given);
    const key = seriesKey(type, name);
    let found = lane.series.get(key);
    if (found === undefined) {
      found = { type, name, recorded: 0, dropped: 0, expired: 0, rows: 0, quarantined: 0, deadLettered: 0 };
      lane.series.set(key, found);
    }
    return found;
  }

  async #readSeries(): Promise<void> {
    interface Row extends Pick<SeriesRows, 'type' | 'name' | 'recorded' | 'dropped' | 'expired'> {
      readonly source_id: string;
      readonly lane: string;
    }
    for (const row of await this.#transaction.any<Row>(verifySeries)) {
      const series = this.#series(this.#lane(row.source_id, row.lane), row.type, row.name);
      series.recorded += row.recorded;
      series.dropped += row.dropped;
      series.expired += row.expired;
    }
  }

  async #readDeadLetters(): Promise<void> {
    let last = { sourceId: '-1', lane: '', segment: 0, batch: 0, row: 0 };
    for (;;) {
      this.#options.onProgress({ what: 'observability_dead_letter', doneBytes: 0, totalBytes: 0 });
      const rows = await this.#transaction.any<{
        source_id: string;
        lane: string;
        segment: number;
        batch: number;
        row_number: number;
        head: Buffer;
      }>(verifyDeadLetters, { ...last, limit: DEAD_LETTERS });
      for (const { source_id: sourceId, lane: name, segment, batch, row_number: row, head } of rows) {
        const lane = this.#lane(sourceId, name);
        lane.deadLettered++;
        readSeriesOf(head, (type, series) => {
          this.#series(lane, type, series).deadLettered++;
        });
        last = { sourceId, lane: name, segment, batch, row };
      }
      if (rows.length < DEAD_LETTERS) return;
    }
  }

  #countLeaf(leaf: Leaf): Promise<number> {
    const { name, from_day: fromDay, until_day: untilDay } = leaf;
    return isApart(leaf)
      ? this.#count(name, verifyTable, { name }, 'rows')
      : this.#count(name, verifyDay, { fromDay, untilDay }, 'rows');
  }

  async #count(what: string, statement: SqlFile, values: object, as: 'rows' | 'quarantined'): Promise<number> {
    this.#options.signal?.throwIfAborted();
    interface Row extends Counted {
      readonly type: string;
      readonly name: string;
    }
    let total = 0;
    if (as === 'quarantined') this.#options.onProgress({ what, doneBytes: 0, totalBytes: 0 });
    for (const { source_id: sourceId, is_kept: isKept, type, name, events } of await this.#transaction.any<Row>(
      statement,
      values,
    )) {
      this.#series(this.#lane(sourceId, isKept ? 'keep' : 'rest'), type, name)[as] += events;
      total += events;
    }
    return total;
  }

  /** @param sources null: all */
  async #findDoubles(leaf: Leaf, sources: readonly string[] | null): Promise<void> {
    this.#options.signal?.throwIfAborted();
    const { name, from_day: fromDay, until_day: untilDay } = leaf;
    const given = { name, fromDay, untilDay, sources: sources && `{${sources.join()}}` };
    const statement = isApart(leaf) ? findDoublesOfTable : findDoublesOfDay;
    for (const row of await this.#transaction.any<Counted & { ids: string[] }>(statement, given)) {
      const lane = this.#lane(row.source_id, row.is_kept ? 'keep' : 'rest');
      lane.doubled += row.events;
      if (lane.doubledIds.length < 10) lane.doubledIds.push(...row.ids);
    }
  }

  #sourcesWithSurplus(ledger: readonly LedgerRow[]): string[] {
    const surplus = new Map<string, number>();
    const add = (sourceId: string, events: number) => surplus.set(sourceId, (surplus.get(sourceId) ?? 0) + events);
    for (const { sourceId, series } of this.#lanes.values()) {
      for (const { rows } of series.values()) add(sourceId, rows);
    }
    const seen = new Set<string>();
    for (const { source_id: sourceId, archived, expired } of ledger) {
      add(sourceId, (seen.has(sourceId) ? 0 : expired) - (archived ?? 0));
      seen.add(sourceId);
    }
    return [...surplus].filter(([, events]) => events > 0).map(([sourceId]) => sourceId);
  }
}

/** The head of a dead letter is a tuple that may be cut off behind the fields that name its series. */
function readSeriesOf(head: Buffer, tell: (type: string, name: string) => void): void {
  const fields = Math.max(COLUMNS.indexOf('type'), COLUMNS.indexOf('name')) + 1;
  if (head.length < 2 || head.readInt16BE(0) < fields) return;
  const tuple = Buffer.from(head);
  tuple.writeInt16BE(fields, 0);
  let isFirst = true;
  eachSeries(tuple, COLUMNS, (type, name) => {
    if (isFirst) tell(type, name);
    isFirst = false;
  });
}
