// Counts the rows of all tables by source, lane and series, partition by partition, and looks for ids that are there twice. The moment that
// it reads is its caller's (verify-tables.ts).
import type { Transaction } from '../../db/database.ts';
import { loadSql, type SqlFile } from '../../db/sql.ts';
import type { SpoolLane } from '../../event.ts';
import { letterSeries } from '../encoding/letter-series.ts';
import { type LedgerRow, RowCounts, type SeriesRows, type Tables } from './table-rows.ts';
import type { VerifyProgress } from './verify-report.ts';
import { verifyRollups } from './verify-rollups.ts';

export interface TableReaderOptions {
  /** Compare the ids of all rows, in large partitions too. */
  readonly allIds: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: VerifyProgress) => void;
}

export type Relation = 'observability_metrics' | 'observability_logs';

/** A partition, or a table that is about to be one or was one: its days are null. */
export interface Leaf {
  readonly relation: Relation;
  readonly name: string;
  readonly from_day: Date | null;
  readonly until_day: Date | null;
  readonly bytes: number;
  /** Rows of it were removed before: rollups may know more than it has. */
  readonly was_removed: boolean;
}

interface Counted {
  readonly source_id: string;
  /** Of events. */
  readonly is_kept?: boolean;
  readonly events: number;
}

/** To compare the ids of so many rows takes about as long as to count them. */
const FEW_ROWS = 1_000_000;
const DEAD_LETTERS = 2000;

const verifySources = loadSql('archive/verify-sources');
const verifySeries = loadSql('archive/verify-series');
const findDoublesOfTable = loadSql('archive/find-doubles-of-table');
const hasRefusals = loadSql('archive/has-expired-refusals');
const verifyRefusals = loadSql('archive/verify-refusals');
const verifyDeadLetters = loadSql('archive/verify-dead-letters');
const STATEMENTS = {
  observability_metrics: {
    countDay: loadSql('archive/verify-day'),
    countTable: loadSql('archive/verify-table'),
    findDoublesOfDay: loadSql('archive/find-doubles-of-day'),
    quarantine: 'observability_quarantine',
  },
  observability_logs: {
    countDay: loadSql('archive/verify-logs-day'),
    countTable: loadSql('archive/verify-logs-table'),
    findDoublesOfDay: loadSql('archive/find-log-doubles-of-day'),
    quarantine: 'observability_logs_quarantine',
  },
} as const;

/** In one transaction, which reads one moment and has locked the leaves that stand apart. */
export class TableReader {
  readonly #transaction: Transaction;
  readonly #options: TableReaderOptions;
  readonly #counts = new RowCounts();
  #uncomparedIds = 0;

  constructor(transaction: Transaction, options: TableReaderOptions) {
    this.#transaction = transaction;
    this.#options = options;
  }

  /** @param options.hasLogs there is a table for log lines */
  async read(leaves: readonly Leaf[], { hasLogs }: { hasLogs: boolean }): Promise<Tables> {
    const ledger = await this.#transaction.any<LedgerRow>(verifySources);
    await this.#readSeries();
    for (const relation of ['observability_metrics', ...(hasLogs ? (['observability_logs'] as const) : [])] as const) {
      const { countTable, quarantine: name } = STATEMENTS[relation];
      await this.#count(relation, countTable, { name }, 'quarantined');
    }
    await this.#readDeadLetters();
    await this.#readExpiredRefusals();
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
    const { signal, onProgress } = this.#options;
    const ofEvents = leaves.filter(({ relation }) => relation === 'observability_metrics');
    const rollups = await verifyRollups(this.#transaction, ofEvents, {
      signal,
      onProgress: (what) => onProgress({ what, doneBytes, totalBytes }),
    });
    return { ledger, lanes: this.#counts.lanes, uncomparedIds: this.#uncomparedIds, rollups };
  }

  async #readSeries(): Promise<void> {
    interface Row extends Pick<SeriesRows, 'type' | 'name' | 'recorded' | 'dropped' | 'expired'> {
      readonly source_id: string;
      readonly lane: string;
    }
    for (const row of await this.#transaction.any<Row>(verifySeries)) {
      const series = this.#counts.series(this.#counts.lane(row.source_id, row.lane), row.type, row.name);
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
        const lane = this.#counts.lane(sourceId, name);
        lane.deadLettered++;
        const of = letterSeries(head, name);
        if (of !== undefined) this.#counts.series(lane, of.type, of.name).deadLettered++;
        last = { sourceId, lane: name, segment, batch, row };
      }
      if (rows.length < DEAD_LETTERS) return;
    }
  }

  /** What retention has removed of them counts as if it were there. */
  async #readExpiredRefusals(): Promise<void> {
    interface Row extends Pick<SeriesRows, 'type' | 'name'> {
      readonly source_id: string;
      readonly lane: string;
      readonly kind: 'dead_letter' | 'quarantine';
      readonly events: number;
    }
    if (!(await this.#transaction.one<{ has_refusals: boolean }>(hasRefusals)).has_refusals) return;
    for (const { source_id: sourceId, lane: name, kind, events, ...of } of await this.#transaction.any<Row>(verifyRefusals)) {
      const lane = this.#counts.lane(sourceId, name);
      const as = kind === 'dead_letter' ? 'deadLettered' : 'quarantined';
      if (as === 'deadLettered') lane.deadLettered += events;
      if (of.type !== '' || as === 'quarantined') this.#counts.series(lane, of.type, of.name)[as] += events;
    }
  }

  #countLeaf(leaf: Leaf): Promise<number> {
    const { name, relation, from_day: fromDay, until_day: untilDay } = leaf;
    const { countTable, countDay } = STATEMENTS[relation];
    return isApart(leaf)
      ? this.#count(relation, countTable, { name }, 'rows')
      : this.#count(relation, countDay, { fromDay, untilDay }, 'rows');
  }

  async #count(relation: Relation, statement: SqlFile, values: object, as: 'rows' | 'quarantined'): Promise<number> {
    this.#options.signal?.throwIfAborted();
    interface Row extends Counted {
      readonly type: string;
      readonly name: string;
    }
    let total = 0;
    const { quarantine } = STATEMENTS[relation];
    if (as === 'quarantined') this.#options.onProgress({ what: quarantine, doneBytes: 0, totalBytes: 0 });
    for (const { source_id: sourceId, is_kept: isKept, type, name, events } of await this.#transaction.any<Row>(
      statement,
      values,
    )) {
      this.#counts.series(this.#counts.lane(sourceId, laneOf(relation, isKept)), type, name)[as] += events;
      total += events;
    }
    return total;
  }

  /** @param sources null: all */
  async #findDoubles(leaf: Leaf, sources: readonly string[] | null): Promise<void> {
    this.#options.signal?.throwIfAborted();
    const { name, relation, from_day: fromDay, until_day: untilDay } = leaf;
    const given = { name, fromDay, untilDay, sources: sources && `{${sources.join()}}` };
    const statement = isApart(leaf) ? findDoublesOfTable : STATEMENTS[relation].findDoublesOfDay;
    for (const row of await this.#transaction.any<Counted & { ids: string[] }>(statement, given)) {
      const lane = this.#counts.lane(row.source_id, laneOf(relation, row.is_kept));
      lane.doubled += row.events;
      if (lane.doubledIds.length < 10) lane.doubledIds.push(...row.ids);
    }
  }

  #sourcesWithSurplus(ledger: readonly LedgerRow[]): string[] {
    const surplus = new Map<string, number>();
    const add = (sourceId: string, events: number) => surplus.set(sourceId, (surplus.get(sourceId) ?? 0) + events);
    for (const { sourceId, series } of this.#counts.lanes.values()) {
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

/** Not to be read through the table by its day. */
export function isApart({ from_day: fromDay }: Leaf): boolean {
  return fromDay === null;
}

function laneOf(relation: Relation, isKept: boolean | undefined): SpoolLane {
  if (relation === 'observability_logs') return 'logs';
  return isKept ? 'keep' : 'rest';
}
