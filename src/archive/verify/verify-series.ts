// The law by series: recorded = rows + expired + dead-lettered + quarantined + queued + dropped, for each series of a source and lane, but
// for two things that are known of the lane alone: drops that name no series (damaged, restore, what could not be encoded), and events whose
// series was not told yet (the last ones of a process that was killed, or lives). Neither may explain more than the lane says.
import { type SeriesCount, seriesKey } from '../segments/series-counts.ts';
import type { SeriesRows } from './table-rows.ts';
import { type Difference, describePlace, type Place, type VerifiedSeries } from './verify-report.ts';
import type { WaitingBlock } from './verify-spool.ts';

export interface SeriesLawInput {
  readonly place: Pick<Place, 'sourceId' | 'lane'>;
  /** Of the lane. */
  readonly recorded: number;
  /** Of the lane, all reasons. */
  readonly dropped: number;
  /** Events of the lane that are missing, and told as such. */
  readonly missing: number;
  /** What waits behind the mark. */
  readonly queue: readonly WaitingBlock[];
  readonly tables: ReadonlyMap<string, SeriesRows>;
}

export interface SeriesLaw {
  readonly series: readonly VerifiedSeries[];
  /** Recorded events whose series is known. */
  readonly recorded: number;
  readonly problems: readonly Difference[];
}

/** Series at most that are named as one problem each. */
const MAX_NAMED = 20;
const NOTHING = { recorded: 0, dropped: 0, expired: 0, rows: 0, quarantined: 0, deadLettered: 0 };

export function verifySeriesLaw(input: SeriesLawInput): SeriesLaw {
  const series = mergeSeries(input).map((each): VerifiedSeries => {
    const { recorded, rows, expired, deadLettered, quarantined, queued, dropped } = each;
    return { ...each, unnamed: recorded - rows - expired - deadLettered - quarantined - queued - dropped };
  });
  const total = (value: (each: VerifiedSeries) => number): number => series.reduce((all, each) => all + value(each), 0);
  const recorded = total((each) => each.recorded);
  const problems: Difference[] = [];
  const { place } = input;
  if (recorded > input.recorded) {
    problems.push({
      ...place,
      kind: 'series_counts',
      expected: input.recorded,
      found: recorded,
      message: `${describePlace(place)}: recorded ${input.recorded}, its series together ${recorded}`,
      advice: 'somebody has changed keepwatch.ledger or keepwatch.series_ledger',
    });
  }
  const mayBeMissing = input.dropped - total(({ dropped }) => dropped) + input.missing;
  const mayBeUntold = input.recorded - recorded;
  const missing = series.filter(({ unnamed }) => unnamed > 0);
  const surplus = series.filter(({ unnamed }) => unnamed < 0);
  const sumOf = (some: readonly VerifiedSeries[]) => some.reduce((all, { unnamed }) => all + Math.abs(unnamed), 0);
  if (sumOf(missing) > mayBeMissing) problems.push(...describe(place, missing, 'missing_events'));
  if (sumOf(surplus) > Math.max(0, mayBeUntold)) problems.push(...describe(place, surplus, 'surplus_events'));
  return { series, recorded, problems };
}

/** Of ledger, tables and queue, in the order of their names. */
function mergeSeries({ tables, queue }: SeriesLawInput): Omit<VerifiedSeries, 'unnamed'>[] {
  const merged = new Map<string, { -readonly [Key in keyof Omit<VerifiedSeries, 'unnamed'>]: VerifiedSeries[Key] }>();
  for (const [key, rows] of tables) merged.set(key, { ...rows, queued: 0 });
  const find = (key: string) => {
    const [type = '', ...name] = key.split('\n');
    const found = merged.get(key) ?? { type, name: name.join('\n'), ...NOTHING, queued: 0 };
    merged.set(key, found);
    return found;
  };
  const take = ({ type, name, recorded, dropped }: SeriesCount) => {
    const found = find(seriesKey(type, name));
    found.recorded = Math.max(found.recorded, recorded);
    found.dropped = Math.max(found.dropped, dropped);
  };
  for (const { rowsBySeries, told } of queue) {
    for (const [key, rows] of rowsBySeries) find(key).queued += rows;
    for (const count of told) take(count);
  }
  return [...merged.keys()].toSorted().map((key) => find(key));
}

function describe(
  place: Pick<Place, 'sourceId' | 'lane'>,
  series: readonly VerifiedSeries[],
  kind: 'missing_events' | 'surplus_events',
): Difference[] {
  const worst = series.toSorted((a, b) => Math.abs(b.unnamed) - Math.abs(a.unnamed)).slice(0, MAX_NAMED);
  return worst.map(({ type, name, recorded, unnamed, rows }) => {
    const where = { ...place, type, name };
    const found = recorded - unnamed;
    return {
      ...where,
      kind,
      expected: recorded,
      found,
      message: `${describePlace(where)}: recorded ${recorded}, accounted for ${found} (rows ${rows})`,
      advice:
        kind === 'missing_events'
          ? 'rows of this series were deleted or changed; a backup has them'
          : 'rows of this series were inserted, changed, or came twice',
    };
  });
}
