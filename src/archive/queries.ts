// The archive as its readers ask it: summary, events, recent. Each statement sees one moment and ends after ten seconds at the latest.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { SummaryRow } from '../event-row.ts';
import { type Dashboard, type DashboardQuery, readDashboard } from './queries/dashboard.ts';
import { type Dimensions, type DimensionsQuery, readDimensions } from './queries/dimensions.ts';
import type { TimeRange } from './queries/event-filter.ts';
import { type EventPage, type EventRow, type EventsQuery, readEventPage } from './queries/events.ts';
import { type LogPage, type LogsQuery, readLogPage } from './queries/logs.ts';
import { type Ask, readSnapshot } from './queries/read-snapshot.ts';
import { readTimeseries, type Timeseries, type TimeseriesQuery } from './queries/timeseries.ts';
import { readTrace, type Trace, type TraceQuery } from './queries/trace.ts';

export type { SummaryRow } from '../event-row.ts';

export interface ArchiveQueries {
  summary(
    query: TimeRange & {
      readonly type?: string | undefined;
      readonly name?: string | undefined;
      readonly service?: string | undefined;
    },
  ): Promise<readonly SummaryRow[]>;
  /** The newest events. @param query.limit at most 1000 */
  recent(query: { readonly name?: string | undefined; readonly limit: number }): Promise<readonly EventRow[]>;
  /**
   * A page of events.
   * @throws KeepwatchError ERR_USAGE when the cursor is none of ours, or of another question
   */
  events(query: EventsQuery): Promise<EventPage>;
  /** A page of log lines. @throws KeepwatchError ERR_USAGE as `events` */
  logs(query: LogsQuery): Promise<LogPage>;
  /** Undefined when nothing is known of it. */
  trace(query: TraceQuery): Promise<Trace | undefined>;
  /** @throws KeepwatchError ERR_USAGE when the steps are too many, or finer than what is left of the range */
  timeseries(query: TimeseriesQuery): Promise<Timeseries>;
  dimensions(query: DimensionsQuery): Promise<Dimensions>;
  dashboard(query: DashboardQuery): Promise<Dashboard>;
}

/** Nothing in the archive ended later than this from now. */
const INGEST_AHEAD_MS = 3_660_000;

const summarySql = loadSql('archive/summary');

export interface ArchiveQueriesOptions {
  /** What all statements of a query may take together; default 10000. */
  readonly timeoutMs?: number;
  /** Milliseconds since the epoch; default: the clock of the system. */
  readonly now?: () => number;
}

/** @throws (from each query) KeepwatchError ERR_QUERY_TIMEOUT when it takes too long; else what Postgres says */
export function createArchiveQueries(database: Database, options: ArchiveQueriesOptions = {}): ArchiveQueries {
  const { timeoutMs = 10_000, now = Date.now } = options;
  const read = <T>(work: (ask: Ask) => Promise<T>) => readSnapshot(database, work, timeoutMs);
  return {
    summary: ({ from, to, type = null, name = null, service = null }) =>
      read((ask) => ask<SummaryRow>(summarySql, { from: from.getTime(), to: to.getTime(), type, name, service })),
    recent: async ({ name, limit }) => {
      const names = name === undefined ? undefined : [name];
      const ahead = new Date(now() + INGEST_AHEAD_MS);
      const query = { names, limit, from: new Date(0), to: ahead };
      return (await read((ask) => readEventPage(ask, query, now()))).events;
    },
    events: (query) => read((ask) => readEventPage(ask, query, now())),
    logs: (query) => read((ask) => readLogPage(ask, query, now())),
    trace: (query) => read((ask) => readTrace(ask, query)),
    timeseries: (query) => read((ask) => readTimeseries(ask, query, now())),
    dimensions: (query) => read((ask) => readDimensions(ask, query)),
    dashboard: (query) => read((ask) => readDashboard(ask, query, now())),
  };
}
