// One lane of the spool: batches of events to blocks in a bounded queue, at once and without waiting; a SegmentWriter brings them to the
// disk. What no longer fits is dropped by reason, and the counts travel with the next block.
import { describeError } from '../../errors.ts';
import type { DropReason, LaneBatch, SpoolLane } from '../../event.ts';
import type { Logger } from '../../logger.ts';
import type { EncodedRows } from '../encoding/encoder.ts';
import { createEncoder, type LaneEncoder } from '../encoding/lane-encoder.ts';
import { encodeEmptyBlock } from '../segments/segment-format.ts';
import { encodeSeriesBlocks } from '../segments/series-blocks.ts';
import { BlockQueue, type QueuedBlock } from './block-queue.ts';
import type { MemorySegment } from './held-segment.ts';
import { LaneAccount, type LanePosition } from './lane-account.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { SourceHome } from './source-home.ts';

export interface LaneSpoolOptions {
  readonly lane: SpoolLane;
  /** Of the source; shared by its lanes. */
  readonly home: SourceHome;
  /** Where the source before it ended; undefined for the first of a process. */
  readonly from: LanePosition | undefined;
  /** Asked before each block: events are dropped while the spool is full. */
  readonly isFull: () => boolean;
  /** Bytes at most that may wait in memory, asked before each block. */
  readonly queueLimit: () => number;
  /** A segment is sealed when it is longer. */
  readonly segmentBytes: number;
  /** `disk`: every write is synced before the next one. */
  readonly durability: 'process' | 'disk';
  /** Called when others may have taken the source for dead: it is to be ended. */
  readonly onLapse: () => void;
  readonly logger: Logger;
}

/** What one source spools in one lane. */
export class LaneSpool {
  readonly #options: LaneSpoolOptions;
  /** Made with the first event, and let go when the source is ended. */
  #encoder: LaneEncoder | undefined;
  readonly #queue = new BlockQueue();
  readonly #writer: SegmentWriter;
  readonly #account: LaneAccount;
  #isClosed = false;

  constructor(options: LaneSpoolOptions) {
    const { lane, home, from, durability, onLapse, logger, segmentBytes } = options;
    this.#options = options;
    this.#account = new LaneAccount(from);
    this.#writer = new SegmentWriter({
      lane,
      home,
      queue: this.#queue,
      series: this.#account.series,
      recycle: (block) => this.#encoder?.recycle(block),
      tail: () => this.#account.takeTail(),
      segmentBytes,
      durability,
      onLapse,
      logger,
    });
  }

  /** As `EventSink.accept`. @param batch of this lane */
  accept(batch: LaneBatch): number {
    if (this.#isClosed) return 0;
    const account = this.#account;
    account.open(batch);
    let next = 0;
    while (next < batch.size) {
      const refusal = this.#refusal();
      if (refusal === 'wait') break;
      if (refusal !== undefined) {
        account.drop(refusal, batch.size - next);
        account.noteSeries(batch, next, batch.size, 'dropped');
        next = batch.size;
        break;
      }
      next = this.#encodeBlock(batch, next);
    }
    account.close(batch, next);
    this.#writer.write();
    return next;
  }

  /**
   * Writes what is queued and ends the open segment.
   * @returns whether all that was accepted before the call is on the disk; false when the disk refuses
   */
  seal(): Promise<boolean> {
    const isUntold = this.hasUntoldCounts || this.#account.series.isWanted;
    if (isUntold && !this.#writer.hasOpenSegment && this.#queue.length === 0) {
      const tail = this.#account.takeTail();
      const bytes = encodeEmptyBlock(tail.counts, tail.lowWatermarkMs, false);
      this.#queue.push({ bytes, page: undefined, rows: 0, minEndMs: Infinity, ...tail });
    }
    return this.#writer.seal();
  }

  /** Forgets the segments up to this one: they are committed and removed. */
  acknowledge(lastSegment: number): void {
    this.#writer.acknowledge(lastSegment);
  }

  /**
   * What the disk refuses, as a complete segment, to be committed straight from memory. To be taken before `lastSealed` is read, and to be
   * drained behind all earlier segments, only when they are committed: the mark passes them. The same one again until it is acknowledged, or
   * written to the disk under its number when that takes it first; undefined while the disk refuses nothing.
   */
  takeMemorySegment(): MemorySegment | undefined {
    return this.#writer.takeMemorySegment();
  }

  /** The segment in memory is committed. */
  acknowledgeMemory(segment: number): void {
    this.#writer.acknowledgeMemory(segment);
  }

  /**
   * Forgets sealed segments that somebody removed. Their events are counted as damaged with the next segment, which tells all counts again.
   * @returns whether there were any
   */
  forgetMissing(isThere: (segment: number) => boolean): boolean {
    return this.#writer.forgetMissing(isThere);
  }

  /** The end of a segment cannot be read: the next one tells all counts again, so that its events are counted as damaged. */
  retellCounts(): void {
    this.#writer.retellCounts();
  }

  /** The next segment that is sealed tells the counts of all series that have changed, whenever that was done last. */
  tellSeries(): void {
    this.#account.series.want();
  }

  /** Takes nothing more. What is queued can still be sealed. */
  close(): void {
    this.tellSeries();
    this.#isClosed = true;
    this.#encoder = undefined;
  }

  /** Takes nothing more, and ends the open segment before what is queued is written to another one. */
  end(): Promise<boolean> {
    this.close();
    return this.#writer.end();
  }

  /** Stops trying again; what is queued stays in memory for `appendSync`. */
  stopRetrying(): void {
    this.#writer.stopRetrying();
  }

  /** Writes all that is queued, synchronously, for the moment before the process ends; a next process drains it. Never throws. */
  appendSync(): void {
    this.#isClosed = true;
    this.stopRetrying();
    const queued = this.#queue.peek(Infinity);
    const blocks = queued.map((block) => block.bytes);
    const { series } = this.#account;
    const { counts, lowWatermarkMs, series: noted } = this.#account.takeTail();
    if (this.hasUntoldCounts) blocks.push(encodeEmptyBlock(counts, lowWatermarkMs, false));
    for (const block of queued) series.add(block.series);
    series.add(noted);
    blocks.push(...encodeSeriesBlocks(series.untold(), counts, lowWatermarkMs));
    if (blocks.length === 0 && this.#writer.memoryBytes === 0) return;
    try {
      this.#writer.appendSync(blocks);
      this.#queue.shift(this.#queue.length);
    } catch (error) {
      this.#options.logger.error({ events: this.#queue.rows }, `the last events could not be spooled: ${describeError(error)}`);
    }
  }

  /** Number of the segment that was sealed last; 0 before the first. */
  get lastSealed(): number {
    return this.#writer.lastSealed;
  }

  /** Numbers of the segments that are sealed and not acknowledged. */
  get sealedSegments(): readonly number[] {
    return this.#writer.sealedSegments;
  }

  /** Events that were accepted and stand in no sealed segment. */
  get unsealedEvents(): number {
    return this.#queue.rows + this.#writer.unsealedRows;
  }

  /** Cumulative drops of this spool, by reason. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    return this.#account.dropped;
  }

  /** How far it has come. */
  get position(): LanePosition {
    return this.#account.position;
  }

  /** Bytes in memory. */
  get queuedBytes(): number {
    return this.#queue.bytes + this.#writer.memoryBytes;
  }

  /** Bytes on the disk and in the queue, of this source. */
  get bytes(): number {
    return this.#queue.bytes + this.#writer.bytes;
  }

  /** Events that were accepted and are not acknowledged. */
  get events(): number {
    return this.#queue.rows + this.#writer.rows;
  }

  /** End of the oldest event that is not acknowledged; undefined when there is none. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(this.#queue.minEndMs, this.#writer.minEndMs);
    return oldest === Infinity ? undefined : oldest;
  }

  /** All that was recorded before is accepted, or counted; -Infinity while nothing is known. */
  get lowWatermarkMs(): number {
    return this.#account.lowWatermarkMs;
  }

  /** Why the disk refuses; undefined while it does not. */
  get failure(): string | undefined {
    return this.#writer.failure;
  }

  #refusal(): 'wait' | DropReason | undefined {
    if (this.#options.isFull()) return 'spool_full';
    if (this.queuedBytes < this.#options.queueLimit()) return undefined;
    return this.#writer.failure === undefined ? 'wait' : 'spool_error';
  }

  /** @returns the index of the first event that is not in the block */
  #encodeBlock(batch: LaneBatch, from: number): number {
    const { home, lane } = this.#options;
    this.#encoder ??= createEncoder(lane, home.source.sourceId);
    const { next, rows, failed, minEndMs } = this.#encoder.encode(batch, from);
    if (failed > 0) this.#account.drop('encode_error', failed);
    if (next === from) {
      this.#account.drop('encode_error', 1); // larger than a block, which the encoder's bounds exclude: never a loop
      this.#account.noteSeries(batch, from, from + 1);
      return from + 1;
    }
    this.#account.noteSeries(batch, from, next);
    if (rows > 0) this.#queue.push(this.#takeBlock(this.#encoder, batch, { next, rows, minEndMs }));
    return next;
  }

  #takeBlock(encoder: LaneEncoder, batch: LaneBatch, encoded: Pick<EncodedRows, 'next' | 'rows' | 'minEndMs'>): QueuedBlock {
    const { next, rows, minEndMs } = encoded;
    const tail = this.#account.takeTailAfter(batch, next);
    return { ...encoder.takeBlock(tail.counts, tail.lowWatermarkMs), rows, minEndMs, ...tail };
  }

  /** It, or the source before it, was offered a batch, be it an empty one: a lane that never was has no say in the watermark of its source. */
  get isUsed(): boolean {
    return this.#account.isUsed;
  }

  /** Counts have changed since the last block that was queued or written. */
  get hasUntoldCounts(): boolean {
    return this.#account.hasChangedSince(this.#queue.last?.counts ?? this.#writer.lastCounts);
  }
}
