// A page of rows, newest first: the archive is read backwards in slices of time, and a cursor says where the next page begins.
// It must not read much more than what the page shows, however rare its rows are.
import type { SqlFile } from '../../db/sql.ts';
import { type EventPosition, formatCursor, parseCursor, refuseCursor } from './event-cursor.ts';
import type { TimeRange } from './event-filter.ts';
import type { Ask } from './read-snapshot.ts';

/** What is asked for. */
export interface Question<Row> {
  /** Takes `values`, and from, to (milliseconds since the epoch), sinces and untils (the slices of them to read), beforeTime, beforeId, limit. */
  readonly statement: SqlFile;
  readonly values: object;
  /** Tells it from other questions. */
  readonly filterHash: string;
  /** By which rows are ordered: ISO 8601 with microseconds. */
  readonly timeOf: (row: Row) => string;
  /** Where the newest `wanted` of them may be; undefined when that cannot be told. Without it slices grow until the page is full. */
  readonly findSlices?: ((range: Slice, wanted: number) => Promise<Slices | undefined>) | undefined;
  /** An index finds them: they are read at once. */
  readonly isIndexed?: boolean | undefined;
}

/** From `fromMs` on and before `toMs`, milliseconds since the epoch. */
export interface Slice {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Slices {
  /** The newest first. */
  readonly slices: readonly Slice[];
  /** How many rows they may have, at least those that are wanted among them; undefined where nobody knows. */
  readonly rows?: number;
  /** From here on nothing is outside of them. */
  readonly sinceMs: number;
  /** They took long to be found: it pays only where slices that grow have nothing in them. */
  readonly isDear?: boolean;
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
const GROWTH = 8;
/** How much more is read than the density of what was found asks for. */
const RESERVE = 1.5;
/** Rows at most that are asked for at once. */
const MAX_WANTED = 1_000_000;

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
 * Goes back in time in slices, so that the newest of a large archive are found without reading all of it: first the last seconds, then where
 * rows are said to be, or else slices that grow. What was found tells how far back the rest should be, so that not much more is read than
 * has to be.
 */
async function readNewest<Row>(
  ask: Ask,
  question: Question<Row>,
  range: TimeRange,
  { limit, after, nowMs }: Newest,
): Promise<Row[]> {
  const { statement, findSlices, isIndexed } = question;
  const values = { ...question.values, beforeTime: after?.time ?? null, beforeId: after?.id ?? null };
  const endMs = range.from.getTime();
  // The time of the cursor is cut to milliseconds here: one more, so that its neighbours within the millisecond are not passed over.
  const toMs = after === undefined ? range.to.getTime() : Math.min(range.to.getTime(), Date.parse(after.time) + 1);
  // What ended ahead of now, by a clock that goes ahead, belongs to the first slice.
  const startMs = Math.min(toMs, nowMs);
  const rows: Row[] = [];
  let atMs = toMs;
  let sliceMs = FIRST_SLICE_MS;
  let wanted = limit;
  let isDear = false;
  let next: Slices | undefined = sliceFrom(isIndexed ? endMs : Math.max(endMs, startMs - sliceMs));
  while (atMs > endMs && rows.length < limit) {
    if (!isDear) next ??= await findSlices?.({ fromMs: endMs, toMs: atMs }, wanted);
    next ??= growSlice();
    const known = rows.length;
    rows.push(...(await readSlices(next.slices)));
    if (next.rows !== undefined) {
      const share = (rows.length - known) / Math.max(1, next.rows);
      wanted = Math.ceil(Math.min(wanted * GROWTH, MAX_WANTED, ((limit - rows.length) * RESERVE) / share));
    }
    isDear = (isDear || next.isDear === true) && rows.length > known;
    atMs = next.sinceMs;
    next = undefined;
  }
  return rows;

  function sliceFrom(fromMs: number): Slices {
    return { slices: [{ fromMs, toMs: atMs }], sinceMs: fromMs };
  }

  function growSlice(): Slices {
    const expectedMs = ((startMs - atMs) * (limit - rows.length) * RESERVE) / rows.length;
    sliceMs = Math.max(FIRST_SLICE_MS, Math.min(sliceMs * GROWTH, expectedMs));
    return sliceFrom(Math.max(endMs, atMs - sliceMs));
  }

  async function readSlices(slices: readonly Slice[]): Promise<Row[]> {
    const [newest, oldest] = [slices[0], slices.at(-1)];
    if (newest === undefined || oldest === undefined) return [];
    const [sinces, untils] = [slices.map(({ fromMs }) => fromMs), slices.map((slice) => slice.toMs)];
    const bounds = { from: oldest.fromMs, to: newest.toMs, sinces, untils, limit: limit - rows.length };
    return ask<Row>(statement, { ...values, ...bounds });
  }
}
