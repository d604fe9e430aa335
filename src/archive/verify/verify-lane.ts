// The law for one source and lane: the ledger adds up, the tables hold as many rows as it says, what waits in the spool goes on where it
// ends, and each series has its share. Pure: reads nothing.
import type { EventCounts } from '../../event.ts';
import type { LaneRows, LedgerRow } from './table-rows.ts';
import { walkQueue } from './verify-queue.ts';
import { type Difference, describePlace, type Loss, sum, type VerifiedLane } from './verify-report.ts';
import { verifySeriesLaw } from './verify-series.ts';
import type { SpooledLane, WaitingSegment } from './verify-spool.ts';

export interface LaneInput {
  readonly ledger: LedgerRow;
  readonly spooled: SpooledLane | undefined;
  /** Acknowledged segments that the ledger has forgotten. */
  readonly forgotten: readonly WaitingSegment[];
  readonly tables: LaneRows | undefined;
  /** What retention removed is known by series; else it is only known of the source. */
  readonly knowsExpired: boolean;
  /** Files in suspect/ that the lane's segments were. */
  readonly suspects: readonly string[];
  readonly isFirst: boolean;
}

/** Counted where a batch is committed; all other reasons are the source's own. */
const DRAIN_REASONS = new Set(['damaged', 'restore']);

export function verifyLane(input: LaneInput): VerifiedLane {
  const { ledger, spooled, forgotten, tables, isFirst, knowsExpired } = input;
  const source = spooled?.folder.source;
  const sourceId = ledger.source_id;
  const lane = ledger.lane ?? '';
  const place = { sourceId, lane };
  const ledgerDropped = ledger.dropped ?? {};
  const mark = { segment: ledger.segment ?? 0, batch: ledger.batch ?? 0, counts: countsOf(ledger) };
  const segments = [...new Map([...forgotten, ...(spooled?.segments ?? [])].map((each) => [each.segment, each])).values()];
  const queue = walkQueue(
    place,
    mark,
    segments.toSorted((a, b) => a.segment - b.segment),
    spooled?.unreadable ?? [],
  );
  const dropped: Record<string, number> = { ...ledgerDropped, ...queue.counts.dropped };
  for (const { reason, events } of queue.losses) dropped[reason] = (dropped[reason] ?? 0) + events;
  const missing = queue.problems.reduce((total, { expected, found }) => total + Math.max(0, (expected ?? 0) - (found ?? 0)), 0);
  const counted = countTables(tables);
  const bySeries = verifySeriesLaw({
    place,
    recorded: queue.counts.recorded,
    dropped: sum(dropped),
    missing,
    queue: queue.blocks,
    tables: tables?.series ?? new Map(),
  });
  return {
    ...place,
    service: ledger.service ?? source?.service ?? '',
    instance: ledger.instance ?? source?.instance ?? '',
    recorded: queue.counts.recorded,
    archived: ledger.archived ?? 0,
    deadLettered: ledger.dead_lettered ?? 0,
    quarantined: ledger.quarantined ?? 0,
    sampledOut: queue.counts.sampledOut,
    dropped,
    queued: queue.rows,
    rows: counted.rows,
    expired: knowsExpired ? counted.expired : isFirst ? ledger.expired : 0,
    duplicates: tables?.doubled ?? 0,
    unknownTailBytes: (isFirst ? (ledger.unknown_tail_bytes ?? 0) : 0) + tailBytes(spooled),
    closed: ledger.closed ?? false,
    seriesRecorded: bySeries.recorded,
    series: bySeries.series,
    problems: [
      ...compareUnreadable(place, spooled),
      ...compareLedger(ledger),
      ...queue.problems,
      ...compareTables(input, counted),
      ...(knowsExpired ? bySeries.problems : []),
    ],
    losses: [...ledgerLosses(input), ...queue.losses],
  };
}

/** What the source said with the last block that is committed. */
function countsOf({ recorded, sampled_out: sampledOut, dropped }: LedgerRow): EventCounts {
  const own = Object.entries(dropped ?? {}).filter(([reason]) => !DRAIN_REASONS.has(reason));
  return { recorded: recorded ?? 0, sampledOut: sampledOut ?? 0, dropped: Object.fromEntries(own) };
}

function countTables(tables: LaneRows | undefined): { rows: number; expired: number; quarantined: number; deadLettered: number } {
  const counted = { rows: 0, expired: 0, quarantined: 0, deadLettered: tables?.deadLettered ?? 0 };
  for (const { rows, expired, quarantined } of tables?.series.values() ?? []) {
    counted.rows += rows;
    counted.expired += expired;
    counted.quarantined += quarantined;
  }
  return counted;
}

function compareUnreadable(place: { sourceId: string; lane: string }, spooled: SpooledLane | undefined): Difference[] {
  return (spooled?.unreadable ?? []).map(({ path, segment, message }) => ({
    ...place,
    ...(segment !== undefined && { segment }),
    file: path,
    kind: 'unreadable',
    expected: null,
    found: null,
    message: `${path}: ${message}`,
    advice:
      segment === undefined
        ? 'keepwatch spool repair says what it can mend'
        : 'bring the file back if you have it; else keepwatch spool repair sets it aside, and its events are counted as damaged',
  }));
}

function compareLedger(ledger: LedgerRow): Difference[] {
  const place = { sourceId: ledger.source_id, lane: ledger.lane ?? '' };
  const recorded = ledger.recorded ?? 0;
  const committed = (ledger.archived ?? 0) + (ledger.dead_lettered ?? 0) + (ledger.quarantined ?? 0);
  const found = committed + (ledger.sampled_out ?? 0) + sum(ledger.dropped ?? {});
  if (found === recorded) return [];
  return [
    {
      ...place,
      kind: 'ledger_counts',
      expected: recorded,
      found,
      message: `${describePlace(place)}: recorded ${recorded}, accounted for ${found}`,
      advice: 'somebody has changed keepwatch.ledger: a batch adds to both sides at once',
    },
  ];
}

function compareTables({ ledger, tables, knowsExpired }: LaneInput, counted: ReturnType<typeof countTables>): Difference[] {
  const place = { sourceId: ledger.source_id, lane: ledger.lane ?? '' };
  const problems: Difference[] = [];
  if (knowsExpired) problems.push(...compareRows(place, ledger.archived ?? 0, counted.rows, counted.expired));
  const doubled = tables?.doubled ?? 0;
  if (doubled > 0) {
    const ids = tables?.doubledIds ?? [];
    problems.push({
      ...place,
      ids,
      kind: 'doubled_rows',
      expected: counted.rows - doubled,
      found: counted.rows,
      message: `${describePlace(place)}: rows ${counted.rows}, different ids ${counted.rows - doubled} (twice: ${ids.join(', ')})`,
      advice: 'delete the copy of each id; a batch is never committed twice, so look who else writes the table',
    });
  }
  const compare = (kind: 'dead_letters' | 'quarantine', word: string, table: string, expected: number, found: number) => {
    if (expected === found) return;
    const message = `${describePlace(place)}: ${word} ${expected}, rows in ${table}, or removed by retention, ${found}`;
    const advice = `somebody has ${found < expected ? 'deleted' : 'inserted'} rows of keepwatch.${table}`;
    problems.push({ ...place, kind, expected, found, message, advice });
  };
  compare('dead_letters', 'dead_lettered', 'observability_dead_letter', ledger.dead_lettered ?? 0, counted.deadLettered);
  const quarantine = ledger.lane === 'logs' ? 'observability_logs_quarantine' : 'observability_quarantine';
  compare('quarantine', 'quarantined', quarantine, ledger.quarantined ?? 0, counted.quarantined);
  return problems;
}

/** Also for a source as a whole, where what was removed is not known by lane. */
export function compareRows(
  place: { sourceId: string; lane?: string },
  archived: number,
  rows: number,
  expired: number,
): Difference[] {
  if (rows + expired === archived) return [];
  const removed = expired === 0 ? '' : `, removed by retention ${expired}`;
  const isMissing = rows + expired < archived;
  return [
    {
      ...place,
      kind: isMissing ? 'missing_rows' : 'surplus_rows',
      expected: archived,
      found: rows + expired,
      message: `${describePlace(place)}: archived ${archived}, rows in ${place.lane === 'logs' ? 'observability_logs' : 'observability_metrics'} ${rows}${removed}`,
      advice: isMissing
        ? 'rows were deleted behind the back of the archive, or a partition was dropped by hand; a backup has them'
        : 'rows were inserted behind the back of the archive, or the ledger was changed',
    },
  ];
}

/** What the ledger says is lost; of damage, the files that were kept. */
function ledgerLosses({ ledger, suspects }: LaneInput): Loss[] {
  const place = { sourceId: ledger.source_id, lane: ledger.lane ?? '' };
  const { damaged = 0, restore = 0 } = ledger.dropped ?? {};
  const losses: Loss[] = [];
  if (damaged > 0) {
    const kept = suspects.length === 0 ? '' : `; what was there is kept in ${suspects.slice(0, 3).join(', ')}`;
    const message = `${describePlace(place)}: ${damaged} events were in no readable block${kept}`;
    losses.push({
      ...place,
      ...(suspects[0] !== undefined && { file: suspects[0] }),
      reason: 'damaged',
      events: damaged,
      message,
    });
  }
  if (restore > 0) {
    const message = `${describePlace(place)}: ${restore} events were lost when the database was restored`;
    losses.push({ ...place, reason: 'restore', events: restore, message });
  }
  return losses;
}

/** What an owner that lives is writing just now is no unknown tail. */
function tailBytes(spooled: SpooledLane | undefined): number {
  if (spooled === undefined || !spooled.folder.isOrphan) return 0;
  return spooled.segments.reduce((total, segment) => total + (segment.isComplete ? 0 : segment.tailBytes), 0);
}
