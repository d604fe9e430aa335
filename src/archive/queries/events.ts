// Single events, newest first, page by page.
import { loadSql } from '../../db/sql.ts';
import type { EventRow } from '../../event-row.ts';
import { type EventFilter, filterValues, hashFilter } from './event-filter.ts';
import { findSlices } from './event-slices.ts';
import { type PageBounds, readPage, type Slice } from './page.ts';
import type { Ask } from './read-snapshot.ts';

export type { EventRow } from '../../event-row.ts';

export interface EventsQuery extends EventFilter, PageBounds {}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly EventRow[];
  /** Give it to the next call for what follows; undefined at the end. */
  readonly cursor: string | undefined;
}

const statement = loadSql('archive/events');
const preferIndexesSql = loadSql('archive/prefer-indexes');

/**
 * A page of events.
 * @throws KeepwatchError ERR_USAGE when the cursor is none of ours, or of another question
 */
export async function readEventPage(ask: Ask, query: EventsQuery, nowMs: number): Promise<EventPage> {
  const { from, to, cursor, limit, ...filter } = query;
  const isIndexed = filter.traceId !== undefined;
  if (isIndexed) await ask(preferIndexesSql, {});
  const question = {
    statement,
    isIndexed,
    findSlices: (range: Slice, wanted: number) => findSlices(ask, filter, range, wanted),
    values: filterValues(filter),
    filterHash: hashFilter(filter),
    timeOf: ({ end_time }: EventRow) => end_time,
  };
  const page = await readPage(ask, question, { from, to, cursor, limit }, nowMs);
  return { events: page.rows, cursor: page.cursor };
}
