// One batch of blocks to Postgres, in one transaction: the mark first, then the rows, then what was refused. Committing it twice is
// impossible, because the mark moves at most once over a block; so a batch whose outcome is unknown is simply tried again.
import { type Database, inTransaction, type Statement, sqlState, transactAtOnce } from '../../db/database.ts';
import { loadSql, readSql } from '../../db/sql.ts';
import { BatchRollups } from '../rollups/batch-rollups.ts';
import type { KnownSeries } from '../rollups/series.ts';
import { readTimestampMs, splitTuples } from '../segments/copy-tuples.ts';
import { relationOf } from '../segments/relations.ts';
import type { SegmentHeader } from '../segments/segment-format.ts';
import type { Block } from '../segments/segment-reader.ts';
import type { Partitions } from './partitions.ts';
import { copyCarefully, copyStatement, isRefusal, type RefusalStreak, type Rows, type Run } from './refused-rows.ts';
import { seriesStatements } from './series-statements.ts';

/** Rows that ended further back go to the quarantine, and those that retention would remove. */
const WINDOW_BACK_MS = 7 * 86_400_000;
/** And those that ended further ahead. */
const WINDOW_AHEAD_MS = 3_600_000;
const MISSING_PARTITION = '23514';
/** The table whose rows come with rollups. */
const ROLLED_UP = 'observability_metrics';

const beginBatch = readSql('archive/begin-batch');
const moveMark = loadSql('archive/move-mark');
const countDeadLetters = loadSql('archive/count-dead-letters');

/** A run of blocks of one segment. */
export interface Batch {
  readonly header: SegmentHeader;
  readonly blocks: readonly [Block, ...Block[]];
  /** What else is done in its transaction, behind the rows; none of them a COPY. */
  readonly statements?: readonly Required<Omit<Statement, 'chunks'>>[];
}

export interface BatchContext {
  readonly database: Database;
  readonly partitions: Partitions;
  /** What time it is in Postgres. */
  readonly databaseNowMs: number;
  /** Clock of the source minus clock of Postgres; undefined when the source is not ours. */
  readonly clockOffsetMs: number | undefined;
  /** How far the source's other lanes are committed: its watermark goes no further. Default: as far as this lane. */
  readonly otherLanesMs?: number;
  /** How long raw events are kept. Default: for ever. */
  readonly keepMs?: number | undefined;
  /** Series that this process has met; null: the rows come without their rollups, which maintenance adds later. */
  readonly series: KnownSeries | null;
  /** An import: its rows are taken whenever they ended, and `partitions` knows their days. Default false: only those in the ingest window. */
  readonly takesAnyTime?: boolean;
  /** Of this process. Default: each batch is judged by itself. */
  readonly refusals?: RefusalStreak;
  /** How far the ledger is, as far as is known: one that stands before it went back, and the batch waits for what is behind it. */
  readonly from: Place;
  /** Blocks before this batch are gone, and the ledger, which had them, went back: what is missing then is lost by the restore. */
  readonly isAfterLoss?: boolean;
}

/** A place in the blocks of a source and lane: in or behind this block of this segment. */
export interface Place {
  readonly segment: number;
  /** Number of the block. */
  readonly batch: number;
}

/** What the ledger says of a source and lane, cumulative. */
export interface LaneCounts {
  readonly archived: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  /** Events that no readable block held. */
  readonly damaged: number;
  /** Events that were committed once, until the ledger went back, and whose segments were gone by then. */
  readonly restored: number;
}

/** What became of a batch's rows. */
export interface BatchOutcome {
  readonly archived: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  /** After the batch. */
  readonly total: LaneCounts;
}

interface MovedRow {
  readonly archived: number;
  readonly dead_lettered: number;
  readonly quarantined: number;
  readonly damaged: number;
  readonly restored: number;
}

/**
 * Commits the batch.
 * @param prepared by `prepareBatch`, a moment ago; default: it is done now
 * @returns undefined when the mark did not move: its first block is committed already, the ledger went back, or the source is unknown
 * @throws what Postgres says of the connection, its settings or its state; never because of a row
 */
export async function commitBatch(
  batch: Batch,
  context: BatchContext,
  prepared?: PreparedBatch,
): Promise<BatchOutcome | undefined> {
  const sorted = prepared ?? prepareBatch(batch, context);
  await coverDays(batch, context);
  const outcome = await commitRows(batch, context, sorted).catch((error: unknown) => {
    context.series?.distrust();
    throw error;
  });
  if (outcome !== undefined) {
    context.refusals?.noteCommit({ taken: outcome.archived + outcome.quarantined, refused: outcome.deadLettered });
  }
  return outcome;
}

/** What a batch is to Postgres. */
export interface PreparedBatch {
  readonly archive: Rows;
  readonly quarantine: Rows;
  /** Of the rows to archive; undefined: they come without. */
  readonly rollups: BatchRollups | undefined;
}

/** Sorts the rows of a batch, and adds up its rollups. */
export function prepareBatch(batch: Batch, context: Pick<BatchContext, WindowOption | 'series'>): PreparedBatch {
  const [archive, quarantine] = sortByWindow(batch, windowOf(context));
  return { archive, quarantine, rollups: rollUp(batch, archive.runs, context.series) };
}

function rollUp({ header }: Batch, runs: readonly Run[], series: KnownSeries | null): BatchRollups | undefined {
  if (series === null || header.relation !== ROLLED_UP) return undefined;
  const rollups = new BatchRollups(header.columns, series);
  for (const run of runs) rollups.add(run);
  return rollups;
}

async function commitRows(batch: Batch, context: BatchContext, prepared: PreparedBatch): Promise<BatchOutcome | undefined> {
  try {
    return await commitAtOnce(batch, context, prepared);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (sqlState(error) === MISSING_PARTITION) {
      context.partitions.forget();
      await coverDays(batch, context);
    }
    return commitInSteps(batch, context, prepared);
  }
}

/** All in one round trip: the usual case. @throws what Postgres says, of a row too */
async function commitAtOnce(batch: Batch, context: BatchContext, prepared: PreparedBatch): Promise<BatchOutcome | undefined> {
  const { archive, quarantine, rollups } = prepared;
  const rows = [archive, quarantine].filter(({ count }) => count > 0);
  if (rows.length === 0) return commitInSteps(batch, context, prepared);
  const moved = await transactAtOnce<MovedRow>(context.database, {
    settings: beginBatch,
    guard: moveOf(batch, context, prepared),
    statements: [
      ...rows.map((some) => copyStatement(batch.header, some)),
      ...seriesStatements(batch.header, batch.blocks),
      ...(rollups?.statements() ?? []),
      ...(batch.statements ?? []),
    ],
  });
  if (moved === undefined) return undefined;
  rollups?.noteCommit();
  return outcomeOf(moved, archive, quarantine, { archived: 0, quarantined: 0 });
}

/** Statement by statement: rows may be refused, and are found; the others are committed. */
async function commitInSteps(batch: Batch, context: BatchContext, prepared: PreparedBatch): Promise<BatchOutcome | undefined> {
  const { header } = batch;
  const { archive, quarantine } = prepared;
  let { rollups } = prepared;
  const outcome = await inTransaction(context.database, async (transaction) => {
    await transaction.multi(beginBatch);
    const move = moveOf(batch, context, prepared);
    const moved = await transaction.oneOrNone<MovedRow>(move.sql, move.values);
    if (moved === null) return undefined;
    const others = [...seriesStatements(header, batch.blocks), ...(batch.statements ?? [])];
    for (const { sql, values } of others) await transaction.none(sql, values);
    const refused = { archived: 0, quarantined: 0 };
    if (archive.count > 0) {
      const copied = await copyCarefully(transaction, header, archive, context.refusals);
      refused.archived = copied.refused;
      if (copied.refused > 0) rollups = rollUp(batch, copied.taken, context.series);
    }
    if (quarantine.count > 0) {
      refused.quarantined = (await copyCarefully(transaction, header, quarantine, context.refusals)).refused;
    }
    for (const { sql, values = {}, chunks } of rollups?.statements() ?? []) {
      if (chunks === undefined) await transaction.none(sql, values);
      else await transaction.copyFrom(sql, chunks, values);
    }
    const counted = outcomeOf(moved, archive, quarantine, refused);
    if (counted.deadLettered > 0) {
      const { sourceId, lane } = header;
      const rolledUp = rollups === undefined ? 0 : refused.archived;
      await transaction.none(countDeadLetters, { sourceId, lane, ...refused, rolledUp, events: counted.deadLettered });
    }
    return counted;
  });
  if (outcome !== undefined) rollups?.noteCommit();
  return outcome;
}

/** The statement that moves the mark behind the batch. */
function moveOf(
  { header, blocks }: Batch,
  { clockOffsetMs, otherLanesMs = Infinity, from, isAfterLoss = false }: BatchContext,
  { archive, quarantine, rollups }: PreparedBatch,
): Required<Omit<Statement, 'chunks'>> {
  const last = blocks.at(-1) ?? blocks[0];
  const lowWatermarkMs = Math.min(last.lowWatermarkMs, otherLanesMs);
  const values = {
    sourceId: header.sourceId,
    lane: header.lane,
    segment: header.segment,
    fromSegment: from.segment,
    fromBatch: from.batch,
    firstBlock: blocks[0].number,
    lastBlock: last.number,
    recorded: last.counts.recorded,
    sampledOut: last.counts.sampledOut,
    dropped: JSON.stringify(last.counts.dropped),
    droppedTotal: Object.values(last.counts.dropped).reduce((sum, events) => sum + events, 0),
    archived: archive.count,
    rolledUp: rollups === undefined ? 0 : archive.count,
    quarantined: quarantine.count,
    isAfterLoss,
    lowWatermarkMs: Number.isFinite(lowWatermarkMs) ? lowWatermarkMs : null,
    clockOffsetMs: clockOffsetMs ?? null,
  };
  return { sql: moveMark, values };
}

/** @param moved what the ledger says with all rows of the batch counted as taken */
function outcomeOf(
  moved: MovedRow,
  archive: Rows,
  quarantine: Rows,
  refused: { readonly archived: number; readonly quarantined: number },
): BatchOutcome {
  const deadLettered = refused.archived + refused.quarantined;
  return {
    archived: archive.count - refused.archived,
    quarantined: quarantine.count - refused.quarantined,
    deadLettered,
    total: {
      archived: moved.archived - refused.archived,
      deadLettered: moved.dead_lettered + deadLettered,
      quarantined: moved.quarantined - refused.quarantined,
      damaged: moved.damaged,
      restored: moved.restored,
    },
  };
}

/** A sentence when the clock of a source is so far off that its events are quarantined; undefined while it is not. */
export function describeSkew(clockOffsetMs: number): string | undefined {
  if (clockOffsetMs <= WINDOW_AHEAD_MS && clockOffsetMs >= -WINDOW_BACK_MS) return undefined;
  const minutes = Math.round(Math.abs(clockOffsetMs) / 60_000);
  const side = clockOffsetMs > 0 ? 'ahead of' : 'behind';
  return `the clock of this process is ${minutes} min ${side} that of Postgres: its events are quarantined; set the clocks and restart it`;
}

type WindowOption = 'databaseNowMs' | 'keepMs' | 'takesAnyTime';

interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

function windowOf({ databaseNowMs, keepMs = Infinity, takesAnyTime = false }: Pick<BatchContext, WindowOption>): Window {
  if (takesAnyTime) return { fromMs: -Infinity, toMs: Infinity };
  return { fromMs: databaseNowMs - Math.min(WINDOW_BACK_MS, keepMs), toMs: databaseNowMs + WINDOW_AHEAD_MS };
}

/** Rows inside the ingest window, and rows outside. Only blocks that touch its border are taken apart. */
function sortByWindow({ header, blocks }: Batch, { fromMs, toMs }: Window): [Rows, Rows] {
  const { timeColumn, quarantine } = relationOf(header.relation);
  const field = header.columns.indexOf(timeColumn);
  const inside: Run[] = [];
  const outside: Run[] = [];
  let quarantined = 0;
  for (const { number, rows, minEndMs, maxEndMs, frames, rowSeries } of blocks) {
    if (rows === 0) continue;
    const named = rowSeries && { frames, rowSeries };
    if (minEndMs >= fromMs && maxEndMs <= toMs) {
      inside.push({ block: number, row: 1, frames, named });
      continue;
    }
    splitTuples(frames).forEach((tuple, index) => {
      const endMs = readTimestampMs(tuple, field);
      const isInside = endMs >= fromMs && endMs <= toMs;
      if (!isInside) quarantined++;
      (isInside ? inside : outside).push({ block: number, row: index + 1, frames: tuple, named });
    });
  }
  const total = blocks.reduce((sum, block) => sum + block.rows, 0);
  return [
    { relation: header.relation, runs: inside, count: total - quarantined },
    { relation: quarantine, runs: outside, count: quarantined },
  ];
}

async function coverDays({ blocks }: Batch, context: BatchContext): Promise<void> {
  const window = windowOf(context);
  const fromMs = Math.max(Math.min(...blocks.map((block) => block.minEndMs)), window.fromMs);
  const toMs = Math.min(Math.max(...blocks.map((block) => block.maxEndMs)), window.toMs);
  if (fromMs <= toMs) await context.partitions.cover(fromMs, toMs);
}
