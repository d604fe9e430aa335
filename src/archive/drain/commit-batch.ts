// One batch of blocks to Postgres, in one transaction: the mark first, then the rows, then what was refused. Committing it twice is
// impossible, because the mark moves at most once over a block; so a batch whose outcome is unknown is simply tried again.
import { type Database, inTransaction, type Statement, sqlState, transactAtOnce } from '../../db/database.ts';
import { loadSql, readSql } from '../../db/sql.ts';
import { windowOf } from './ingest-window.ts';
import type { Partitions } from './partitions.ts';
import { type Batch, BatchPreparation, type PreparedBatch, type PrepareOptions, rollUp } from './prepare-batch.ts';
import { copyCarefully, copyStatement, isRefusal, type RefusalStreak, type Rows } from './refused-rows.ts';
import { seriesStatements } from './series-statements.ts';

const MISSING_PARTITION = '23514';
const beginBatch = readSql('archive/begin-batch');
const moveMark = loadSql('archive/move-mark');
const countDeadLetters = loadSql('archive/count-dead-letters');

export interface BatchContext extends PrepareOptions {
  readonly database: Database;
  /** Those of an import know its days. */
  readonly partitions: Partitions;
  /** Clock of the source minus clock of Postgres; undefined when the source is not ours. */
  readonly clockOffsetMs: number | undefined;
  /** How far the source's other lanes are committed: its watermark goes no further. Default: as far as this lane. */
  readonly otherLanesMs?: number;
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
 * @param prepared a moment ago; default: it is done now
 * @returns undefined when the mark did not move: its first block is committed already, the ledger went back, or the source is unknown
 * @throws what Postgres says of the connection, its settings or its state; never because of a row
 */
export async function commitBatch(
  batch: Batch,
  context: BatchContext,
  prepared?: PreparedBatch,
): Promise<BatchOutcome | undefined> {
  const sorted = prepared ?? new BatchPreparation(batch, context).finish();
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
      if (copied.refused > 0) rollups = rollUp(header, copied.taken, context.series);
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

async function coverDays({ header, blocks }: Batch, context: BatchContext): Promise<void> {
  const window = windowOf(context);
  const fromMs = Math.max(Math.min(...blocks.map((block) => block.minEndMs)), window.fromMs);
  const toMs = Math.min(Math.max(...blocks.map((block) => block.maxEndMs)), window.toMs);
  if (fromMs <= toMs) await context.partitions.cover(fromMs, toMs, header.relation);
}
