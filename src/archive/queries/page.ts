// A page of rows, newest first: the archive is read backwards in slices of time, and a cursor says where the next page begins.
import type { SqlFile } from '../../db/sql.ts';
import { type EventPosition, formatCursor, parseCursor, refuseCursor } from './event-cursor.ts';
import type { TimeRange } from './event-filter.ts';
import type { Ask } from './read-snapshot.ts';

/** What is asked for. */
export interface Question<Row> {
  /** Takes `values`, and from, to, beforeTime, beforeId, limit. */
  readonly statement: SqlFile;
  readonly values: object;
  /** Tells it from other questions. */
  readonly filterHash: string;
  /** By which rows are ordered: ISO 8601 with microseconds. */
  readonly timeOf: (row: Row) => string;
}

export interface PageBounds {
  /** With a cursor neither is needed: the cursor has them. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Page<Row> {
  /** Newest first. */
  readonly rows: readonly Row[];
  /** Give it to the next call for what follows; undefined at the end. */
  readonly cursor: string | undefined;
}

const MAX_LIMIT = 1000;
/** The archive is read backwards in slices: the first one is so long before now, and each is at most 8 times as long as the last. */
const FIRST_SLICE_MS = 10_000;
const SLICE_GROWTH = 8;
/** How much more is read than the density of what was found asks for. */
const SLICE_RESERVE = 1.5;

/** @throws KeepwatchError ERR_USAGE when the cursor is none of ours, or of another question */
export async function readPage<Row extends { readonly id: string }>(
  ask: Ask,
  question: Question<Row>,
  { from, to, limit: givenLimit, cursor }: PageBounds,
  nowMs: number,
): Promise<Page<Row>> {
  const limit = Math.min(Math.max(1, Math.floor(givenLimit)), MAX_LIMIT);
  const { filterHash, timeOf } = question;
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  const range = { from: from ?? after?.range.from ?? new Date(0), to: to ?? after?.range.to ?? new Date(nowMs) };
  if (cursor !== undefined && after !== undefined) {
    const isSame = after.filterHash === filterHash && isSameRange(after.range, range);
    if (!isSame)
      throw refuseCursor(cursor, 'the cursor of an answer to this very query: it belongs to one with other parameters');
  }
  const rows = await readNewest(ask, question, range, { limit, after, nowMs });
  const last = rows.at(-1);
  const isFull = rows.length === limit && last !== undefined;
  return { rows, cursor: isFull ? formatCursor({ range, filterHash, time: timeOf(last), id: last.id }) : undefined };
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
async function readNewest<Row>(
  ask: Ask,
  { statement, values: filter }: Question<Row>,
  range: TimeRange,
  { limit, after, nowMs }: Newest,
): Promise<Row[]> {
  const values = { ...filter, beforeTime: after?.time ?? null, beforeId: after?.id ?? null };
  const endMs = range.from.getTime();
  const rows: Row[] = [];
  // The time of the cursor is cut to milliseconds here: one more, so that its neighbours within the millisecond are not passed over.
  let to = after === undefined ? range.to.getTime() : Math.min(range.to.getTime(), Date.parse(after.time) + 1);
  // What ended ahead of now, by a clock that goes ahead, belongs to the first slice.
  const startMs = Math.min(to, nowMs);
  let from = Math.max(endMs, startMs - FIRST_SLICE_MS);
  for (let slice = FIRST_SLICE_MS; to > endMs && rows.length < limit; from = Math.max(endMs, to - slice)) {
    rows.push(...(await ask<Row>(statement, { ...values, from, to, limit: limit - rows.length })));
    to = from;
    const expected = ((startMs - to) * (limit - rows.length) * SLICE_RESERVE) / rows.length;
    slice = Math.max(FIRST_SLICE_MS, Math.min(slice * SLICE_GROWTH, expected));
  }
  return rows;
}
