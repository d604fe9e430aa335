// The archive as its readers ask it: summary, events, recent. Each statement sees one moment and ends after ten seconds at the latest.
import { z } from 'zod';
import { type Database, inTransaction } from '../db/database.ts';
import { loadSql, type SqlFile } from '../db/sql.ts';
import { KeepwatchError } from '../errors.ts';
import type { EventStatus, EventType } from '../event.ts';

/** Rate, errors and duration of one type and name. */
export interface SummaryRow {
  readonly type: EventType;
  readonly name: string;
  readonly count: number;
  readonly failures: number;
  /** Share of events with status success, 0..1. */
  readonly success_rate: number;
  readonly avg_ms: number;
  readonly min_ms: number;
  readonly max_ms: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
}

/** One archived event; times as ISO 8601 with microseconds, trace ids in W3C hexadecimal. */
export interface EventRow {
  readonly id: string;
  readonly name: string;
  readonly type: EventType;
  readonly status: EventStatus;
  readonly start_time: string;
  readonly end_time: string;
  readonly duration_ms: number;
  readonly service: string;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly error: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly weight: number;
  readonly source_id: string;
}

/** Half-open: `from` belongs to it, `to` does not. */
export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

export interface EventFilter {
  readonly type?: string | undefined;
  readonly name?: string | undefined;
  readonly status?: string | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly EventRow[];
  /** Give it to the next call for what follows; undefined at the end. */
  readonly cursor: string | undefined;
}

export interface ArchiveQueries {
  summary(query: TimeRange & Omit<EventFilter, 'status'>): Promise<readonly SummaryRow[]>;
  /** The newest events. @param query.limit at most 1000 */
  recent(query: { readonly name?: string | undefined; readonly limit: number }): Promise<readonly EventRow[]>;
  /**
   * A page of events.
   * @param query.limit at most 1000
   * @throws KeepwatchError ERR_USAGE when the cursor is none of ours
   */
  events(query: TimeRange & EventFilter & { readonly limit: number; readonly cursor?: string | undefined }): Promise<EventPage>;
}

const MAX_LIMIT = 1000;
/** Nothing in the archive ended later than this from now. */
const INGEST_AHEAD_MS = 3_660_000;
const FIRST_SLICE_MS = 300_000;
const SLICE_GROWTH = 16;

const summarySql = loadSql('archive/summary');
const eventsSql = loadSql('archive/events');

interface Position {
  readonly time: string;
  readonly id: string;
}

/** @throws (from each query) what Postgres says, SQLSTATE 57014 when a statement takes too long */
export function createArchiveQueries(database: Database): ArchiveQueries {
  function query<Row>(file: SqlFile, values: object): Promise<Row[]> {
    return inTransaction(
      database,
      async (transaction) => {
        await transaction.none(`set local statement_timeout = '10s'`);
        return transaction.any<Row>(file, values);
      },
      'snapshot',
    );
  }

  /** Goes back in time in slices that grow, so that the newest of a large archive are found without reading all of it. */
  async function newest(range: TimeRange, filter: EventFilter, limit: number, after: Position | undefined): Promise<EventRow[]> {
    const { type = null, name = null, status = null } = filter;
    const beforeTime = after?.time ?? null;
    const beforeId = after?.id ?? null;
    const rows: EventRow[] = [];
    // The time of the cursor is cut to milliseconds here: one more, so that its neighbours within the millisecond are not passed over.
    let to = after === undefined ? range.to.getTime() : Math.min(range.to.getTime(), Date.parse(after.time) + 1);
    for (let slice = FIRST_SLICE_MS; to > range.from.getTime() && rows.length < limit; slice *= SLICE_GROWTH) {
      const from = Math.max(range.from.getTime(), to - slice);
      const values = { from, to, type, name, status, beforeTime, beforeId, limit: limit - rows.length };
      rows.push(...(await query<EventRow>(eventsSql, values)));
      to = from;
    }
    return rows;
  }

  return {
    summary: ({ from, to, type = null, name = null }) =>
      query<SummaryRow>(summarySql, { from: from.getTime(), to: to.getTime(), type, name }),
    recent: ({ name, limit }) =>
      newest({ from: new Date(0), to: new Date(Date.now() + INGEST_AHEAD_MS) }, { name }, bound(limit), undefined),
    events: async ({ from, to, cursor, limit, ...filter }) => {
      const rows = await newest({ from, to }, filter, bound(limit), cursor === undefined ? undefined : parseCursor(cursor));
      const last = rows.at(-1);
      const isFull = rows.length === bound(limit) && last !== undefined;
      return { events: rows, cursor: isFull ? formatCursor({ time: last.end_time, id: last.id }) : undefined };
    },
  };
}

function bound(limit: number): number {
  return Math.min(Math.max(1, Math.floor(limit)), MAX_LIMIT);
}

const positionSchema = z.tuple([z.iso.datetime(), z.guid()]);

function formatCursor({ time, id }: Position): string {
  return Buffer.from(JSON.stringify([time, id])).toString('base64url');
}

function parseCursor(cursor: string): Position {
  try {
    const [time, id] = positionSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { time, id };
  } catch (cause) {
    const given = JSON.stringify(cursor.slice(0, 100));
    throw new KeepwatchError('ERR_USAGE', `cursor: got ${given}; allowed: what an earlier answer gave as cursor`, { cause });
  }
}
