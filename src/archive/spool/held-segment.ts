// What the disk refuses, as a complete segment in memory: to be committed from there, or written when the disk comes back first, under the same
// number either way. One at a time.
import type { SpoolLane } from '../../event.ts';
import { encodeEmptyBlock, encodeSegment, type SegmentHeader } from '../segments/segment-format.ts';
import { encodeSeriesBlocks } from '../segments/series-blocks.ts';
import type { SeriesCount } from '../segments/series-counts.ts';
import type { QueuedBlock } from './block-queue.ts';
import type { Tail } from './lane-account.ts';
import type { SealedSegment } from './sealed-segments.ts';
import { writeSegment, writeSegmentSync } from './segment-file.ts';
import type { SourceHome } from './source-home.ts';

/** A complete segment that the disk has refused. */
export interface MemorySegment {
  readonly segment: number;
  readonly bytes: Buffer;
}

interface Held extends MemorySegment {
  readonly lane: SpoolLane;
  readonly rows: number;
  readonly minEndMs: number;
}

export class HeldSegment {
  readonly #home: SourceHome;
  #held: Held | undefined;
  #isSaving = false;

  constructor(home: SourceHome) {
    this.#home = home;
  }

  /** Neither committed nor on the disk. */
  get segment(): MemorySegment | undefined {
    return this.#held;
  }

  /** @param told counts of series, to be told at its end */
  hold(header: SegmentHeader, blocks: readonly QueuedBlock[], end: Tail, told: readonly SeriesCount[]): MemorySegment {
    const { counts, lowWatermarkMs } = end;
    const content = [...blocks.map((block) => block.bytes), ...encodeSeriesBlocks(told, counts, lowWatermarkMs)];
    const bytes = encodeSegment(header, content, encodeEmptyBlock(counts, lowWatermarkMs, true));
    const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
    const minEndMs = Math.min(...blocks.map((block) => block.minEndMs));
    this.#held = { lane: header.lane, segment: header.segment, bytes, rows, minEndMs };
    return this.#held;
  }

  /** It is committed. One that is on the disk by now is found committed when its file is drained. */
  acknowledge(segment: number): void {
    if (this.#held?.segment === segment && !this.#isSaving) this.#held = undefined;
  }

  /** End of its oldest event; +Infinity without any. */
  get minEndMs(): number {
    return this.#held?.minEndMs ?? Infinity;
  }

  get rows(): number {
    return this.#held?.rows ?? 0;
  }

  get bytes(): number {
    return this.#held?.bytes.length ?? 0;
  }

  /**
   * To the disk, before any later segment is.
   * @param onSaved told at once, as it is let go: it is counted somewhere at any moment
   * @throws what the file system says: it stays then
   */
  async save(onSaved: (segment: number, sealed: SealedSegment) => void): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    this.#isSaving = true;
    try {
      await this.#home.make();
      await writeSegment(this.#home.folder, held, held.bytes);
    } finally {
      this.#isSaving = false;
    }
    this.#held = undefined;
    onSaved(held.segment, { bytes: held.bytes.length, rows: held.rows, minEndMs: held.minEndMs });
  }

  /** The same at once, for the moment before the process ends. @throws as `save` */
  saveSync(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#home.makeSync();
    writeSegmentSync(this.#home.folder, held, held.bytes);
    this.#held = undefined;
  }
}
