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

  /** Goes on until all is done, or the work is. Between two blocks it lets others have a turn. */
  async runBeside(work: Promise<unknown>): Promise<void> {
    let hasEnded = false;
    const end = () => {
      hasEnded = true;
    };
    work.then(end, end);
    await nextTurn();
    while (!hasEnded && this.#step()) await nextTurn();
  }

  /** Does what is left to do. */
  finish(): PreparedBatch {
    while (this.#step());
    return this.#prepared;
  }

  /** @returns whether there was anything to do */
  #step(): boolean {
    const { archive, rollups } = this.#prepared;
    const run = archive.runs[this.#next++];
    if (run === undefined || rollups === undefined) return false;
    rollups.add(run);
    return true;
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
