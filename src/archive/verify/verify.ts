// Proves the accounting law: for every source, lane and series, recorded = archived + dead-lettered + quarantined + queued + sampled out +
// dropped, and the tables hold as many rows as the ledger says, none twice. Reads only; safe beside running processes: the spool is read
// before a snapshot of the database, so that what is committed meanwhile is known by its mark. And that rollups equal what they are made of.
import type { Database } from '../../db/database.ts';
import { SPOOL_LANES } from '../../event.ts';
import { formatSourceId } from '../spool/source.ts';
import { listSuspects } from '../spool/spool-folder.ts';
import { type LedgerRow, laneKey, type Tables } from './table-rows.ts';
import { compareRows, type LaneInput, verifyLane } from './verify-lane.ts';
import { sum, type VerifiedLane, type VerifyProgress, type VerifyReport } from './verify-report.ts';
import { readAcknowledged, readSpool, type SpooledLane, type WaitingSegment } from './verify-spool.ts';
import { readTables } from './verify-tables.ts';

export type { Difference, Loss, VerifiedLane, VerifiedSeries, VerifyProgress, VerifyReport } from './verify-report.ts';
export type { RollupDifference, VerifiedRollups } from './verify-rollups.ts';

export interface VerifyOptions {
  /** Two connections are used: one reads, one could cancel it. For a large archive, without a query timeout. */
  readonly database: Database;
  /** Default: only the database is looked at. */
  readonly spoolDir?: string;
  /** Compare the ids of all rows, in partitions of more than a million rows too. Default false: there, only where counts differ. */
  readonly allIds?: boolean;
  /** Give the counts of every series. Default false. */
  readonly allSeries?: boolean;
  /** Stops it, and the statement that is running. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/**
 * Compares ledger, tables and, when given, the spool.
 * @throws what Postgres or the file system says; the reason of the signal
 */
export async function verifyArchive(options: VerifyOptions): Promise<VerifyReport> {
  const { database, spoolDir, allIds = false, allSeries = false, signal, onProgress = () => {} } = options;
  const onFolder = (what: string) => {
    signal?.throwIfAborted();
    onProgress({ what, doneBytes: 0, totalBytes: 0 });
  };
  const spooled = spoolDir === undefined ? [] : await readSpool(spoolDir, onFolder);
  const suspects = spoolDir === undefined ? [] : await listSuspects(spoolDir);
  const tables = await readTables({ database, allIds, signal, onProgress });
  const sources: VerifiedLane[] = [];
  for (const rows of rowsOf(tables, spooled)) {
    const verified = await verifySource(rows, tables, spooled, suspects);
    sources.push(...verified.map((lane) => ({ ...lane, series: allSeries ? lane.series : [] })));
  }
  const isOfLogs = ({ lane }: VerifiedLane) => lane === 'logs';
  const logs = addUp(sources.filter(isOfLogs));
  const events = addUp(sources.filter((lane) => !isOfLogs(lane)));
  const problems = events.problems + logs.problems;
  const totals = { ...events, problems, unknownTailBytes: events.unknownTailBytes + logs.unknownTailBytes };
  const { rollups, uncomparedIds } = tables;
  return { ok: problems === 0 && rollups.differences === 0, sources, totals, logs, uncomparedIds, rollups };
}

/** A row for each source and lane of which anything is known, those of a source together. */
function rowsOf({ ledger, lanes }: Tables, spooled: readonly SpooledLane[]): readonly (readonly LedgerRow[])[] {
  const known = new Map(ledger.map((row) => [laneKey(row.source_id, row.lane), row]));
  const ofSource = new Map(ledger.map((row) => [row.source_id, row]));
  const add = (sourceId: string, lane: string) => {
    const key = laneKey(sourceId, lane);
    if (known.has(key)) return;
    known.set(key, { ...NO_LEDGER, ...sourceOf(ofSource.get(sourceId)), source_id: sourceId, lane });
    known.delete(laneKey(sourceId, null));
  };
  for (const { sourceId, lane } of lanes.values()) add(sourceId, lane);
  for (const { folder, lane } of spooled) add(String(folder.source.sourceId), lane);
  const bySource = new Map<string, LedgerRow[]>();
  for (const row of known.values()) bySource.set(row.source_id, [...(bySource.get(row.source_id) ?? []), row]);
  return [...bySource.values()].map((rows) => rows.toSorted((a, b) => (a.lane ?? '').localeCompare(b.lane ?? '')));
}

const NO_LEDGER: Omit<LedgerRow, 'source_id' | 'lane'> = {
  service: null,
  instance: null,
  closed: null,
  unknown_tail_bytes: null,
  expired: 0,
  segment: null,
  batch: null,
  recorded: null,
  archived: null,
  dead_lettered: null,
  quarantined: null,
  sampled_out: null,
  dropped: null,
};

function sourceOf(row: LedgerRow | undefined): Partial<LedgerRow> {
  if (row === undefined) return {};
  const { service, instance, closed, unknown_tail_bytes, expired } = row;
  return { service, instance, closed, unknown_tail_bytes, expired };
}

async function verifySource(
  rows: readonly LedgerRow[],
  tables: Tables,
  spooled: readonly SpooledLane[],
  suspects: readonly string[],
): Promise<VerifiedLane[]> {
  const [first] = rows;
  if (first === undefined) return [];
  const knowsExpired = expiredBySeries(first.source_id, tables) === first.expired;
  const verified: VerifiedLane[] = [];
  for (const ledger of rows) {
    const { source_id: sourceId, lane } = ledger;
    const found = spooled.find((each) => String(each.folder.source.sourceId) === sourceId && each.lane === lane);
    const input: LaneInput = {
      ledger,
      spooled: found,
      forgotten: found === undefined ? [] : await forgottenBy(ledger, found),
      tables: tables.lanes.get(laneKey(sourceId, lane)),
      knowsExpired,
      suspects: suspects.filter((path) => path.includes(`${formatSourceId(BigInt(sourceId))}-${lane}-`)),
      isFirst: ledger === first,
    };
    verified.push(verifyLane(input));
  }
  return knowsExpired ? verified : compareAsWhole(verified);
}

/** Before version 5 of the schema, retention counted by source alone. */
function compareAsWhole(lanes: readonly VerifiedLane[]): VerifiedLane[] {
  const [first, ...others] = lanes;
  if (first === undefined) return [];
  const total = (value: (lane: VerifiedLane) => number) => lanes.reduce((all, lane) => all + value(lane), 0);
  const { sourceId } = first;
  const problems = compareRows(
    { sourceId },
    total(({ archived }) => archived),
    total(({ rows }) => rows),
    first.expired,
  );
  return [{ ...first, problems: [...first.problems, ...problems] }, ...others];
}

function expiredBySeries(sourceId: string, { lanes }: Tables): number {
  let expired = 0;
  for (const lane of SPOOL_LANES) {
    for (const series of lanes.get(laneKey(sourceId, lane))?.series.values() ?? []) expired += series.expired;
  }
  return expired;
}

async function forgottenBy({ segment }: LedgerRow, spooled: SpooledLane): Promise<WaitingSegment[]> {
  return readAcknowledged(spooled, segment ?? 0);
}

function addUp(sources: readonly VerifiedLane[]): VerifyReport['totals'] {
  const total = (value: (source: VerifiedLane) => number): number => sources.reduce((all, source) => all + value(source), 0);
  return {
    recorded: total((source) => source.recorded),
    archived: total((source) => source.archived),
    deadLettered: total((source) => source.deadLettered),
    quarantined: total((source) => source.quarantined),
    sampledOut: total((source) => source.sampledOut),
    dropped: total((source) => sum(source.dropped)),
    queued: total((source) => source.queued),
    rows: total((source) => source.rows),
    expired: total((source) => source.expired),
    duplicates: total((source) => source.duplicates),
    unknownTailBytes: total((source) => source.unknownTailBytes),
    seriesRecorded: total((source) => source.seriesRecorded),
    problems: total((source) => source.problems.length),
  };
}
