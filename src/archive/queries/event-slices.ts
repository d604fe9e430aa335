// Where the newest events of a question are, so that no more of the archive is read than has to be: rollups know in which minutes their series
// ran.
import { loadSql } from '../../db/sql.ts';
import { type EventFilter, filterValues } from './event-filter.ts';
import type { Slice, Slices } from './page.ts';
import type { Ask } from './read-snapshot.ts';

/** Rows of rollups that are looked at, in all, for so many minutes as one look may tell. */
const BUDGET = 5000;
/** Of more series than that, rollups take longer to tell than raw rows do, wherever there are any. */
const MANY_SERIES = 100;
const MINUTE_MS = 60_000;

const newestMinutesSql = loadSql('archive/newest-minutes');
const preferIndexesSql = loadSql('archive/prefer-indexes');

interface NewestMinutes {
  readonly minutes: readonly number[];
  readonly rows: number;
  readonly since: number;
  readonly series: number;
}

/**
 * The newest part of [fromMs, toMs) in which `wanted` events ended that may be those of the filter, as far as rollups can tell: by type, name,
 * service, status and duration.
 * @returns undefined when they cannot: rows of that time are still to be added to them
 */
export async function findSlices(ask: Ask, filter: EventFilter, range: Slice, wanted: number): Promise<Slices | undefined> {
  const { fromMs, toMs } = range;
  const values = { ...filterValues(filter), from: fromMs, to: toMs, wanted, budget: BUDGET };
  const [found] = await ask<NewestMinutes>(newestMinutesSql, values);
  if (found === undefined) return undefined;
  // Slices are many, and each is small: by their indexes, whatever the planner thinks.
  if (found.minutes.length > 0) await ask(preferIndexesSql, {});
  const slices = joinMinutes(found.minutes).map((slice) => ({
    fromMs: Math.max(fromMs, slice.fromMs),
    toMs: Math.min(toMs, slice.toMs),
  }));
  return { slices, rows: found.rows, sinceMs: Math.max(fromMs, found.since), isDear: found.series > MANY_SERIES };
}

/** Minutes in a row are one slice. @param minutes the newest first */
function joinMinutes(minutes: readonly number[]): Slice[] {
  const slices: { fromMs: number; toMs: number }[] = [];
  for (const minute of minutes) {
    const last = slices.at(-1);
    if (last !== undefined && minute + MINUTE_MS >= last.fromMs) last.fromMs = minute;
    else slices.push({ fromMs: minute, toMs: minute + MINUTE_MS });
  }
  return slices;
}
