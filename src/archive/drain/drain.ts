// Segments of one source and lane to Postgres, in order, each acknowledged when its last block is committed.
// What is committed is known from the ledger alone; a file that is still there proves nothing.
import { refuseBreakingSchema } from '../../db/migrate.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import type { SpoolLane } from '../../event.ts';
import type { Logger } from '../../logger.ts';
import { KnownSeries } from '../rollups/series.ts';
import { LANE_RELATIONS } from '../segments/relations.ts';
import type { SegmentHeader } from '../segments/segment-format.ts';
import type { Block, Segment } from '../segments/segment-reader.ts';
import { formatSourceId, type Source } from '../spool/source.ts';
import { acknowledgeFile, type SegmentEntry, setAsideBytes } from '../spool/spool-folder.ts';
import { type BatchContext, type BatchOutcome, commitBatch, type Place } from './commit-batch.ts';
import { type Batch, BatchAhead, BatchPreparation } from './prepare-batch.ts';
import { type LoadedSegment, SegmentLoader } from './segment-loader.ts';
import { SegmentMemory } from './segment-memory.ts';

const DEFAULT_BATCH_ROWS = 10_000;
const DEFAULT_BATCH_BYTES = 4_000_000;

const registerSource = loadSql('archive/register-source');
const readMarkRow = loadSql('archive/read-mark');

export interface DrainContext extends Pick<BatchContext, 'database' | 'partitions' | 'otherLanesMs' | 'keepMs' | 'refusals'> {
  readonly spoolDir: string;
  readonly logger: Logger;
  /** As in `BatchContext`; default: those of these segments. */
  readonly series?: BatchContext['series'];
  /** What segments are read into; default: its own for these segments. */
  readonly memory?: SegmentMemory;
  /** The clock of this process, in milliseconds since the epoch; undefined when the source is another process. */
  readonly now?: () => number;
  /** Called after each commit, with the last block of the batch. */
  readonly onCommit?: (outcome: BatchOutcome, durationMs: number, place: Place) => void;
  /** Called when a segment is finished: all of it is committed. */
  readonly onFinish?: (segment: number) => void;
  /** Called for what a newer version wrote: it is left to a newer process. */
  readonly onNewer?: (path: string) => void;
  /** Asked between batches: whether to leave the rest for later. */
  readonly shouldStop?: () => boolean;
  /** Default 10,000. */
  readonly batchRows?: number;
  /** How far the ledger was once: while it stands before, segments that are missing were lost by a restore. */
  readonly provedUntil?: Place;
}

/** What the ledger says of a source and lane, and the clocks at that moment. */
export interface Mark extends Place {
  /** Clock of Postgres minus this machine's monotonic clock. */
  readonly databaseOffsetMs: number;
  readonly clockOffsetMs: number | undefined;
  /** The ledger did not know the source and lane. */
  readonly isNew: boolean;
}

export interface DrainResult {
  /** Everything in the listed segments is committed. False also when the ledger went back meanwhile. */
  readonly isDone: boolean;
  /** Bytes behind the last readable block of all: what they held no later block has counted. */
  readonly unknownTailBytes: number;
  /** What the last block of those that are committed says; -Infinity without one. */
  readonly lowWatermarkMs: number;
  /** How far the ledger is, as far as is known. */
  readonly mark: Mark;
}

interface MarkRow {
  readonly segment: string | null;
  readonly batch: number | null;
  readonly now_ms: number;
  readonly breaking_version: number | null;
}

/** Reads the mark, and makes the source known to the ledger when it is not. @throws what Postgres says, or that its schema is too new */
export async function readMark(source: Source, lane: SpoolLane, context: DrainContext): Promise<Mark> {
  const { database, now } = context;
  const key = { sourceId: source.sourceId, lane };
  const startedMs = performance.now();
  const row = await database.one<MarkRow>(readMarkRow, key);
  refuseBreakingSchema(row.breaking_version);
  const middleMs = (startedMs + performance.now()) / 2;
  if (row.segment === null) {
    const { service, instance, startedAt } = source;
    await database.none(registerSource, { ...key, service, instance, startedAt, relation: LANE_RELATIONS[lane].name });
  }
  return {
    segment: Number(row.segment ?? 0),
    batch: row.batch ?? 0,
    databaseOffsetMs: row.now_ms - middleMs,
    clockOffsetMs: now === undefined ? undefined : now() - (performance.now() - middleMs) - row.now_ms,
    isNew: row.segment === null,
  };
}

/**
 * Drains the listed segments. Two drainers of the same segments do no harm to each other.
 * @throws what Postgres or the file system says; what is committed until then stays committed, and a next call goes on from there
 */
export async function drainSegments(
  source: Source,
  lane: SpoolLane,
  segments: readonly SegmentEntry[],
  context: DrainContext,
  mark?: Mark,
): Promise<DrainResult> {
  let unknownTailBytes = 0;
  let lowWatermarkMs = -Infinity;
  let known = mark ?? (await readMark(source, lane, context));
  let lastRead = 0;
  const { spoolDir, logger, now, memory = new SegmentMemory() } = context;
  const loader = new SegmentLoader({ source, spoolDir, isOwn: now !== undefined, memory, logger });
  const series = context.series === undefined ? new KnownSeries() : context.series;
  const batches = { ...context, series, ahead: new BatchAhead(), peek: () => loader.peek() };
  for (const [index, entry] of segments.entries()) {
    if (context.shouldStop?.()) return { isDone: false, unknownTailBytes, lowWatermarkMs, mark: known };
    const segment = await loader.load(entry);
    if (segment === 'newer') {
      context.onNewer?.(entry.path);
      return { isDone: false, unknownTailBytes, lowWatermarkMs, mark: known };
    }
    if (segment === 'gone') continue;
    if (segment.blocks.length > 0) unknownTailBytes = 0;
    unknownTailBytes += segment.tailBytes;
    if ('header' in segment) {
      loader.prepare(segments[index + 1]);
      const isAfterLoss = isBefore(known, context.provedUntil) && isBehindGap(entry, known, lastRead);
      lastRead = entry.segment;
      const next = await drainSegment(source, segment, known, isAfterLoss, batches);
      known = next.mark;
      if (!next.isDone) return { isDone: false, unknownTailBytes, lowWatermarkMs, mark: known };
      lowWatermarkMs = segment.blocks.at(-1)?.lowWatermarkMs ?? lowWatermarkMs;
      await finishSegment(entry, segment, context);
      loader.release(segment);
      context.onFinish?.(entry.segment);
    }
  }
  return { isDone: true, unknownTailBytes, lowWatermarkMs, mark: known };
}

/** Whether a place is before another one. */
export function isBefore(place: Place, other: Place | undefined): boolean {
  if (other === undefined) return false;
  return place.segment < other.segment || (place.segment === other.segment && place.batch < other.batch);
}

/** Whether blocks between the mark and the segment are gone. */
function isBehindGap({ segment }: SegmentEntry, mark: Mark, lastRead: number): boolean {
  return segment > mark.segment && !(lastRead === mark.segment && segment === lastRead + 1);
}

interface SegmentContext extends Omit<DrainContext, 'series'>, Pick<BatchContext, 'series'> {
  readonly ahead: BatchAhead;
  /** The segment behind this one, once it is read; undefined where there is none. */
  readonly peek: () => Promise<Segment | undefined>;
}

/** @returns how far the ledger is; not done when told to stop before the segment's end, or when the ledger went back */
async function drainSegment(
  source: Source,
  segment: Segment,
  from: Mark,
  isBehindLoss: boolean,
  context: SegmentContext,
): Promise<{ mark: Mark; isDone: boolean }> {
  const { header } = segment;
  const { batchRows = DEFAULT_BATCH_ROWS } = context;
  let isAfterLoss = isBehindLoss;
  let mark = from;
  let rest = blocksAfter(segment, mark);
  while (rest[0] !== undefined) {
    if (context.shouldStop?.()) return { mark, isDone: false };
    const startedMs = performance.now();
    const batchContext = {
      ...context,
      databaseNowMs: startedMs + mark.databaseOffsetMs,
      clockOffsetMs: mark.clockOffsetMs,
      from: mark,
      isAfterLoss,
    };
    const prepare = (header: SegmentHeader, blocks: readonly Block[]) =>
      new BatchPreparation({ header, blocks: takeBatch(blocks, batchRows) }, batchContext);
    const preparation = context.ahead.take(rest[0]) ?? prepare(header, rest);
    const { blocks } = preparation.batch;
    const behind = rest.slice(blocks.length);
    const committing = commitBatch(preparation.batch, batchContext, preparation.finish());
    await context.ahead.prepareBeside(committing, async () => {
      const next = behind.length > 0 ? { header, blocks: behind } : await context.peek();
      return next !== undefined && next.blocks.length > 0 ? prepare(next.header, next.blocks) : undefined;
    });
    const outcome = await committing;
    if (outcome === undefined) {
      // Another drainer, or an earlier attempt of ours whose answer was lost, was there first: the ledger says how far it came.
      const read = await readMark(source, header.lane, context);
      if (isBefore(read, mark)) return { mark: read, isDone: false };
      if (mark.segment === read.segment && mark.batch === read.batch && !read.isNew) {
        throw new KeepwatchError('ERR_DATABASE_SCHEMA', `the mark of source ${formatSourceId(source.sourceId)} does not move`);
      }
      mark = read;
    } else {
      mark = { ...mark, segment: header.segment, batch: blocks.at(-1)?.number ?? 0 };
      context.onCommit?.(outcome, performance.now() - startedMs, mark);
      isAfterLoss = false;
    }
    rest = blocksAfter(segment, mark);
  }
  return { mark, isDone: true };
}

function blocksAfter({ header, blocks }: Segment, mark: Mark): readonly Block[] {
  if (header.segment < mark.segment) return [];
  return header.segment > mark.segment ? blocks : blocks.filter((block) => block.number > mark.batch);
}

/** The first blocks, to about a batch's size; blocks without rows come along for free. */
function takeBatch(blocks: readonly Block[], maxRows: number): Batch['blocks'] {
  let rows = 0;
  let bytes = 0;
  const end = blocks.findIndex((block, index) => {
    rows += block.rows;
    bytes += block.frames.length;
    return index > 0 && block.rows > 0 && (rows > maxRows || bytes > DEFAULT_BATCH_BYTES);
  });
  return blocks.slice(0, end === -1 ? blocks.length : end) as unknown as Batch['blocks'];
}

/**
 * All of the segment is committed: what could not be read is kept for people, and the file is acknowledged. The torn end of a segment that a
 * killed process was writing is not kept; nor is the file renamed, in case that process lives after all.
 */
async function finishSegment(entry: SegmentEntry, segment: LoadedSegment, { spoolDir, logger }: DrainContext): Promise<void> {
  if (entry.isAcknowledged) return; // what it lacks was set aside the first time
  const tail = { offset: segment.bytes.length - segment.tailBytes, length: segment.tailBytes };
  for (const { offset, length } of tail.length > 0 && entry.isSealed ? [...segment.damaged, tail] : segment.damaged) {
    const target = await setAsideBytes(spoolDir, entry.path, offset, segment.bytes.subarray(offset, offset + length));
    logger.error(
      { file: target, bytes: length },
      'a part of a segment is damaged and set aside; its events are counted as damaged',
    );
  }
  if (entry.isSealed && entry.content === undefined) await acknowledgeFile(entry.path);
}
