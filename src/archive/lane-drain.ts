// Brings what this process has sealed in one lane to Postgres, and knows how far that is done.
import type { Lane } from '../event.ts';
import { type DrainContext, drainSegments, type Mark, readMark } from './drain.ts';
import type { LaneSpool } from './lane-spool.ts';
import type { Source } from './source.ts';
import { listSegments, type SegmentEntry } from './spool-folder.ts';

export interface LaneDrainOptions {
  readonly lane: Lane;
  readonly spool: LaneSpool;
  readonly source: Source;
  /** The source's own folder in the spool. */
  readonly folder: string;
}

export class LaneDrain {
  readonly #options: LaneDrainOptions;
  #committedMs = -Infinity;
  #damaged = 0;

  constructor(options: LaneDrainOptions) {
    this.#options = options;
  }

  /**
   * Every event of the lane that ended before this moment is committed, or accounted for; -Infinity while nothing is known, +Infinity for
   * a lane that is not used.
   */
  get committedMs(): number {
    return this.#options.spool.isUsed ? this.#committedMs : Infinity;
  }

  /** Events that no readable block held, cumulative. */
  get damaged(): number {
    return this.#damaged;
  }

  /**
   * Drains what is sealed.
   * @param mark what the ledger says, if it was asked already
   * @returns whether all of it is committed
   * @throws what Postgres or the file system says; a next call goes on from there
   */
  async run(context: DrainContext, mark?: Mark): Promise<boolean> {
    const { lane, spool, source } = this.#options;
    const isDone = spool.bytes === 0 || (await this.#drain(context, mark ?? (await readMark(source, lane, context))));
    // With nothing left that was accepted, all that the tracker spoke for is committed.
    if (spool.events === 0) this.#committedMs = Math.max(this.#committedMs, spool.lowWatermarkMs);
    return isDone;
  }

  async #drain(context: DrainContext, mark: Mark): Promise<boolean> {
    const { lane, spool, source } = this.#options;
    const { segments, lastSealed } = await this.#listSealed(mark.segment);
    const onCommit: DrainContext['onCommit'] = (outcome, durationMs) => {
      this.#damaged = outcome.damaged;
      context.onCommit?.(outcome, durationMs);
    };
    const result = await drainSegments(source, lane, segments, { ...context, onCommit }, mark);
    if (result.isDone) spool.acknowledge(lastSealed);
    if (result.unknownTailBytes > 0) spool.retellCounts();
    this.#committedMs = Math.max(this.#committedMs, result.lowWatermarkMs);
    return result.isDone;
  }

  /** @param committedUntil the segment of the mark: later ones have to be there */
  async #listSealed(committedUntil: number): Promise<{ segments: SegmentEntry[]; lastSealed: number }> {
    const { lane, spool, folder } = this.#options;
    for (;;) {
      const { lastSealed } = spool;
      // Not one that is sealed while the folder is read: the list may lack the one before it. A segment that could not be renamed when it
      // was given up counts as sealed: nothing will be added to it.
      const listed = (await listSegments(folder, lane)).filter(({ segment }) => segment <= lastSealed);
      const segments = listed.map((entry) => ({ ...entry, isSealed: true }));
      const there = new Set(segments.map(({ segment }) => segment));
      const isThere = (segment: number) => segment <= committedUntil || segment > lastSealed || there.has(segment);
      if (!spool.forgetMissing(isThere)) return { segments, lastSealed };
      await spool.seal();
    }
  }
}
