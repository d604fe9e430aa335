// What of a batch can be done before its turn: its rows are sorted by the ingest window, and its rollups added up. Done in slices beside the
// commit of the batch before it, while Postgres has the work and this thread has none.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Statement } from '../../db/database.ts';
import { BatchRollups } from '../rollups/batch-rollups.ts';
import type { KnownSeries } from '../rollups/series.ts';
import type { SegmentHeader } from '../segments/segment-format.ts';
import type { Block } from '../segments/segment-reader.ts';
import { sortByWindow, type WindowOptions, windowOf } from './ingest-window.ts';
import type { Rows, Run } from './refused-rows.ts';

/** The table whose rows come with rollups. */
const ROLLED_UP = 'observability_metrics';

/** A run of blocks of one segment. */
export interface Batch {
  readonly header: SegmentHeader;
  readonly blocks: readonly [Block, ...Block[]];
  /** What else is done in its transaction, behind the rows; none of them a COPY. */
  readonly statements?: readonly Required<Omit<Statement, 'chunks'>>[];
}

/** What a batch is to Postgres. */
export interface PreparedBatch {
  readonly archive: Rows;
  readonly quarantine: Rows;
  /** Of the rows to archive; undefined: they come without. */
  readonly rollups: BatchRollups | undefined;
}

export interface PrepareOptions extends WindowOptions {
  /** Series that this process has met; null: the rows come without their rollups, which maintenance adds later. */
  readonly series: KnownSeries | null;
}

export class BatchPreparation {
  readonly batch: Batch;
  readonly #prepared: PreparedBatch;
  #next = 0;

  constructor(batch: Batch, options: PrepareOptions) {
    this.batch = batch;
    const { header, blocks } = batch;
    const [archive, quarantine] = sortByWindow(header, blocks, windowOf(options));
    this.#prepared = { archive, quarantine, rollups: createRollups(header, options.series) };
  }

  /** Does what is left to do. */
  finish(): PreparedBatch {
    while (this.step());
    return this.#prepared;
  }

  /** Does what belongs to a block. @returns whether there was anything to do */
  step(): boolean {
    const { archive, rollups } = this.#prepared;
    if (rollups === undefined || this.#next > archive.runs.length) return false;
    const run = archive.runs[this.#next++];
    if (run === undefined) rollups.encode();
    else rollups.add(run);
    return true;
  }
}

/** The batch behind the one that is being committed. It holds only while the mark goes from batch to batch. */
export class BatchAhead {
  #preparation: BatchPreparation | undefined;

  /** What was prepared, if it is the batch that begins with this block, of a segment as it was read; it is gone then. */
  take(first: Block): BatchPreparation | undefined {
    const preparation = this.#preparation;
    this.#preparation = undefined;
    return preparation?.batch.blocks[0] === first ? preparation : undefined;
  }

  /**
   * Goes on until all is done, or the work is. Between two blocks it lets others have a turn.
   * @param begin may wait for the batch to be read; when it rejects, the batch fails in its own turn
   */
  async prepareBeside(work: Promise<unknown>, begin: () => Promise<BatchPreparation | undefined>): Promise<void> {
    let hasEnded = false;
    const end = () => {
      hasEnded = true;
      return undefined;
    };
    const ended = work.then(end, end);
    await nextTurn();
    const preparation = await Promise.race([begin().catch(() => undefined), ended]);
    this.#preparation = preparation;
    while (!hasEnded && preparation?.step() === true) await nextTurn();
  }
}

/** The rollups of some rows of a batch; undefined where they come without. */
export function rollUp(header: SegmentHeader, runs: readonly Run[], series: KnownSeries | null): BatchRollups | undefined {
  const rollups = createRollups(header, series);
  for (const run of runs) rollups?.add(run);
  return rollups;
}

function createRollups({ relation, columns }: SegmentHeader, series: KnownSeries | null): BatchRollups | undefined {
  return series === null || relation !== ROLLED_UP ? undefined : new BatchRollups(columns, series);
}
