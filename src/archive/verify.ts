// Proves the accounting law: for every source and lane, recorded = archived + dead-lettered + quarantined + queued + sampled out + dropped,
// and the tables hold as many rows as the ledger says, none twice. Reads only; safe beside running processes.
import { basename, join } from 'node:path';
import { type Database, inTransaction } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { describeError } from '../errors.ts';
import { type EventCounts, LANES, type Lane } from '../event.ts';
import { MAX_SEGMENT_BYTES } from './segment-format.ts';
import { type Block, readSegment, refuseMisplaced, type Segment } from './segment-reader.ts';
import type { Source } from './source.ts';
import { readSpoolFile } from './spool-file.ts';
import { listSegments, listSources, listUnreadable, SOURCE_FILE, type SourceFolder } from './spool-folder.ts';

/** One source and lane. Counts are cumulative since the source was opened. */
export interface VerifiedLane {
  /** `source_id` as SQL shows it. */
  readonly sourceId: string;
  readonly service: string;
  readonly instance: string;
  readonly lane: string;
  readonly recorded: number;
  readonly archived: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  readonly sampledOut: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** In the spool, not yet committed. */
  readonly queued: number;
  /** Of the source, in observability_metrics. */
  readonly rows: number;
  /** Archived events of the source that retention has removed. */
  readonly expired: number;
  /** Rows of the source whose id another row has. */
  readonly duplicates: number;
  /** Bytes that a killed process was writing: how many events they held nobody knows. */
  readonly unknownTailBytes: number;
  readonly closed: boolean;
  /** What does not hold: the place, and both numbers. */
  readonly problems: readonly string[];
}

type TotalKey =
  | 'recorded'
  | 'archived'
  | 'deadLettered'
  | 'quarantined'
  | 'sampledOut'
  | 'dropped'
  | 'queued'
  | 'rows'
  | 'expired'
  | 'duplicates';

export interface VerifyReport {
  readonly ok: boolean;
  readonly sources: readonly VerifiedLane[];
  readonly totals: Readonly<Record<TotalKey | 'unknownTailBytes' | 'problems', number>>;
}

interface LedgerRow {
  readonly source_id: string;
  readonly service: string | null;
  readonly instance: string | null;
  readonly closed: boolean | null;
  readonly unknown_tail_bytes: number | null;
  readonly lane: string | null;
  readonly segment: number | null;
  readonly batch: number | null;
  readonly recorded: number | null;
  readonly archived: number | null;
  readonly dead_lettered: number | null;
  readonly quarantined: number | null;
  readonly sampled_out: number | null;
  readonly dropped: Record<string, number> | null;
  readonly expired: number | null;
  readonly rows: number;
  readonly distinct_ids: number;
  readonly quarantine_rows: number;
  readonly dead_letter_rows: number;
}

type Folder = Pick<SourceFolder, 'path' | 'isOrphan'> & { readonly source: Pick<Source, 'sourceId' | 'service' | 'instance'> };

/** What waits in the spool of a source and lane. */
interface Waiting {
  readonly folder: Folder;
  readonly lane: string;
  readonly segments: readonly Segment[];
  readonly problems: readonly string[];
}

const verifySources = loadSql('archive/verify-sources');
const NO_COUNTS: EventCounts = { recorded: 0, sampledOut: 0, dropped: {} };

/**
 * Compares ledger, tables and, when given, the spool. The spool is read first: what is committed meanwhile is known by its mark.
 * @throws what Postgres or the file system says
 */
export async function verifyArchive(options: { database: Database; spoolDir?: string }): Promise<VerifyReport> {
  const waiting = options.spoolDir === undefined ? [] : await readSpool(options.spoolDir);
  const rows = await inTransaction(options.database, (transaction) => transaction.any<LedgerRow>(verifySources), 'snapshot');
  const sources = rows.map((row, index) => {
    const isFirst = rows[index - 1]?.source_id !== row.source_id;
    const lanes = isFirst ? rows.filter((other) => other.source_id === row.source_id) : [];
    return verifyLane(row, takeWaiting(waiting, row), lanes);
  });
  for (const spooled of waiting) sources.push(verifyLane(unknownRow(spooled), spooled, []));
  return { ok: sources.every((source) => source.problems.length === 0), sources, totals: addUp(sources) };
}

/** @param lanes all lanes of the source, for its first one: the tables do not tell lanes apart */
function verifyLane(row: LedgerRow, waiting: Waiting | undefined, lanes: readonly LedgerRow[]): VerifiedLane {
  const place = `source ${row.source_id}${row.lane === null ? '' : ` lane ${row.lane}`}`;
  const queue = blocksBehind(row, waiting?.segments ?? []);
  const queued = queue.reduce((sum, block) => sum + block.rows, 0);
  const ledgerDropped = row.dropped ?? {};
  const counts = queue.at(-1)?.counts ?? {
    recorded: row.recorded ?? 0,
    sampledOut: row.sampled_out ?? 0,
    dropped: ledgerDropped,
  };
  const dropped: Record<string, number> = { ...ledgerDropped, ...counts.dropped };
  const archived = row.archived ?? 0;
  const accounted = archived + (row.dead_lettered ?? 0) + (row.quarantined ?? 0) + queued + counts.sampledOut;
  const missing = counts.recorded - accounted - sum(dropped);
  const isDamaged = waiting?.segments.some(({ damaged }) => damaged.length > 0) === true;
  if (missing > 0 && isDamaged) dropped['damaged'] = (dropped['damaged'] ?? 0) + missing;
  const problems = [...(waiting?.problems ?? []), ...compareTables(lanes)];
  if (missing !== 0 && !(missing > 0 && isDamaged)) {
    problems.push(`${place}: recorded ${counts.recorded}, accounted for ${counts.recorded - missing}`);
  }
  if (row.dead_letter_rows !== (row.dead_lettered ?? 0)) {
    problems.push(`${place}: dead_lettered ${row.dead_lettered ?? 0}, rows in observability_dead_letter ${row.dead_letter_rows}`);
  }
  const first = lanes[0];
  return {
    sourceId: row.source_id,
    service: row.service ?? waiting?.folder.source.service ?? '',
    instance: row.instance ?? waiting?.folder.source.instance ?? '',
    lane: row.lane ?? waiting?.lane ?? '',
    recorded: counts.recorded,
    archived,
    deadLettered: row.dead_lettered ?? 0,
    quarantined: row.quarantined ?? 0,
    sampledOut: counts.sampledOut,
    dropped,
    queued,
    rows: first?.rows ?? 0,
    expired: first?.expired ?? 0,
    duplicates: first === undefined ? 0 : first.rows - first.distinct_ids,
    unknownTailBytes: (first?.unknown_tail_bytes ?? 0) + tailBytes(waiting),
    closed: row.closed ?? false,
    problems,
  };
}

/** The tables against the sum of a source's lanes. */
function compareTables(lanes: readonly LedgerRow[]): string[] {
  const [first] = lanes;
  if (first === undefined) return [];
  const problems: string[] = [];
  const place = `source ${first.source_id}`;
  const archived = lanes.reduce((total, lane) => total + (lane.archived ?? 0), 0);
  const quarantined = lanes.reduce((total, lane) => total + (lane.quarantined ?? 0), 0);
  const expired = first.expired ?? 0;
  if (first.rows + expired !== archived) {
    const removed = expired === 0 ? '' : `, removed by retention ${expired}`;
    problems.push(`${place}: archived ${archived}, rows in observability_metrics ${first.rows}${removed}`);
  }
  if (first.rows !== first.distinct_ids) problems.push(`${place}: rows ${first.rows}, different ids ${first.distinct_ids}`);
  if (first.quarantine_rows !== quarantined) {
    problems.push(`${place}: quarantined ${quarantined}, rows in observability_quarantine ${first.quarantine_rows}`);
  }
  return problems;
}

function blocksBehind(row: LedgerRow, segments: readonly Segment[]): Block[] {
  const mark = { segment: row.segment ?? 0, batch: row.batch ?? 0 };
  return segments.flatMap(({ header, blocks }) => {
    if (header.segment < mark.segment) return [];
    return header.segment > mark.segment ? blocks : blocks.filter((block) => block.number > mark.batch);
  });
}

/** What an owner that lives is writing just now is no unknown tail. */
function tailBytes(waiting: Waiting | undefined): number {
  if (waiting === undefined || !waiting.folder.isOrphan) return 0;
  return waiting.segments.reduce((total, segment) => total + (segment.isComplete ? 0 : segment.tailBytes), 0);
}

async function readSpool(spoolDir: string): Promise<Waiting[]> {
  const found: Waiting[] = [];
  for (const folder of await listSources(spoolDir, Date.now())) {
    for (const lane of LANES) {
      const waiting = await readLane(folder, lane);
      if (waiting !== undefined) found.push(waiting);
    }
  }
  for (const path of await listUnreadable(spoolDir)) {
    const source = { sourceId: BigInt(`0x${basename(path)}`), service: '', instance: '' };
    const problem = `${join(path, SOURCE_FILE)}: no source that this version can read; what the folder holds is not archived`;
    for (const lane of LANES) {
      const waiting = await readLane({ path, source, isOrphan: false }, lane);
      if (waiting !== undefined) found.push({ ...waiting, problems: [problem, ...waiting.problems] });
    }
  }
  return found;
}

async function readLane(folder: Folder, lane: Lane): Promise<Waiting | undefined> {
  const segments: Segment[] = [];
  const problems: string[] = [];
  const entries = await listSegments(folder.path, lane).catch((error: unknown) => {
    problems.push(`${folder.path}: ${describeError(error)}`);
    return [];
  });
  for (const entry of entries) {
    const { path, isSealed } = entry;
    try {
      const bytes = await readSpoolFile(path, MAX_SEGMENT_BYTES);
      if (bytes === undefined || (bytes.length === 0 && !isSealed)) continue;
      const place = { ...entry, ...folder.source };
      const segment = readSegment(bytes, place);
      if (segment === undefined) continue;
      refuseMisplaced(segment.header, place);
      segments.push(withoutFrames(segment));
    } catch (error) {
      const isBeingMade = !isSealed && !folder.isOrphan;
      if (!isBeingMade) problems.push(`${path}: ${describeError(error)}`);
    }
  }
  return entries.length === 0 && problems.length === 0 ? undefined : { folder, lane, segments, problems };
}

/** A full spool is larger than the memory should be. */
function withoutFrames(segment: Segment): Segment {
  return { ...segment, blocks: segment.blocks.map((block) => ({ ...block, frames: Buffer.alloc(0) })) };
}

/** Removes what belongs to the row from the list. */
function takeWaiting(waiting: Waiting[], row: LedgerRow): Waiting | undefined {
  const index = waiting.findIndex(({ folder, lane }) => String(folder.source.sourceId) === row.source_id && lane === row.lane);
  return index === -1 ? undefined : waiting.splice(index, 1)[0];
}

/** For a source in the spool that Postgres has never heard of. */
function unknownRow({ folder, lane }: Waiting): LedgerRow {
  const { service, instance, sourceId } = folder.source;
  const nothing = { segment: null, batch: null, recorded: null, archived: null, dead_lettered: null, quarantined: null };
  const tables = { expired: 0, rows: 0, distinct_ids: 0, quarantine_rows: 0, dead_letter_rows: 0 };
  const state = { closed: null, unknown_tail_bytes: null, sampled_out: NO_COUNTS.sampledOut, dropped: {} };
  return { source_id: String(sourceId), service, instance, lane, ...nothing, ...state, ...tables };
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
    problems: total((source) => source.problems.length),
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
