// Single events, newest first, page by page.
import { loadSql } from '../../db/sql.ts';
import type { EventRow } from '../../event-row.ts';
import { type EventPosition, formatCursor, parseCursor, refuseCursor } from './event-cursor.ts';
import { type EventFilter, filterValues, hashFilter, type TimeRange } from './event-filter.ts';
import type { Ask } from './read-snapshot.ts';

export type { EventRow } from '../../event-row.ts';

export interface EventsQuery extends EventFilter {
  /** With a cursor neither is needed: the cursor has them. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly EventRow[];
  /** Give it to the next call for what follows; undefined at the end. */
  readonly cursor: string | undefined;
}

const MAX_LIMIT = 1000;
/** The archive is read backwards in slices: the first one is so long before now, and each is at most 8 times as long as the last. */
const FIRST_SLICE_MS = 10_000;
const SLICE_GROWTH = 8;
/** How much more is read than the density of what was found asks for. */
const SLICE_RESERVE = 1.5;

const eventsSql = loadSql('archive/events');

/**
 * A page of events.
 * @throws KeepwatchError ERR_USAGE when the cursor is none of ours, or of another question
 */
export async function readEventPage(ask: Ask, query: EventsQuery, nowMs: number): Promise<EventPage> {
  const { from, to, cursor, limit: givenLimit, ...filter } = query;
  const limit = Math.min(Math.max(1, Math.floor(givenLimit)), MAX_LIMIT);
  const filterHash = hashFilter(filter);
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  const range = { from: from ?? after?.range.from ?? new Date(0), to: to ?? after?.range.to ?? new Date(nowMs) };
  if (cursor !== undefined && after !== undefined) {
    const isSame = after.filterHash === filterHash && isSameRange(after.range, range);
    if (!isSame)
      throw refuseCursor(cursor, 'the cursor of an answer to this very query: it belongs to one with other parameters');
  }
  const events = await readNewest(ask, range, filter, { limit, after, nowMs });
  const last = events.at(-1);
  const isFull = events.length === limit && last !== undefined;
  return { events, cursor: isFull ? formatCursor({ range, filterHash, time: last.end_time, id: last.id }) : undefined };
}

function isSameRange(a: TimeRange, b: TimeRange): boolean {
  return a.from.getTime() === b.from.getTime() && a.to.getTime() === b.to.getTime();
}

interface Newest {
  readonly limit: number;
  readonly after?: EventPosition | undefined;
  readonly nowMs: number;
}

/**
 * Goes back in time in slices that grow, so that the newest of a large archive are found without reading all of it. What was found tells how
 * far back the rest should be, so that a slice is not much larger than it has to be.
 */
export async function readNewest(ask: Ask, range: TimeRange, filter: EventFilter, newest: Newest): Promise<EventRow[]> {
  const { limit, after, nowMs } = newest;
  const values = { ...filterValues(filter), beforeTime: after?.time ?? null, beforeId: after?.id ?? null };
  const endMs = range.from.getTime();
  const rows: EventRow[] = [];
  // The time of the cursor is cut to milliseconds here: one more, so that its neighbours within the millisecond are not passed over.
  let to = after === undefined ? range.to.getTime() : Math.min(range.to.getTime(), Date.parse(after.time) + 1);
  // What ended ahead of now, by a clock that goes ahead, belongs to the first slice.
  const startMs = Math.min(to, nowMs);
  let from = Math.max(endMs, startMs - FIRST_SLICE_MS);
  for (let slice = FIRST_SLICE_MS; to > endMs && rows.length < limit; from = Math.max(endMs, to - slice)) {
    rows.push(...(await ask<EventRow>(eventsSql, { ...values, from, to, limit: limit - rows.length })));
    to = from;
    const expected = ((startMs - to) * (limit - rows.length) * SLICE_RESERVE) / rows.length;
    slice = Math.max(FIRST_SLICE_MS, Math.min(slice * SLICE_GROWTH, expected));
  }
  return rows;
}
