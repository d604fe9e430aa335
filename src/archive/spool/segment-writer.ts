// The one loop that writes the blocks of a lane: from the queue to the open segment, sealed when it is long or when asked. What the disk
// refuses stays in the queue, and a new segment is tried every second; meanwhile it can be taken as a segment in memory.
import { describeError } from '../../errors.ts';
import type { EventCounts, SpoolLane } from '../../event.ts';
import type { Logger } from '../../logger.ts';
import { encodeEmptyBlock } from '../segments/segment-format.ts';
import { encodeSeriesBlocks } from '../segments/series-blocks.ts';
import type { SeriesCounts } from '../segments/series-counts.ts';
import type { BlockQueue, QueuedBlock } from './block-queue.ts';
import { HeldSegment, type MemorySegment } from './held-segment.ts';
import type { Tail } from './lane-account.ts';
import { OpenSegment } from './open-segment.ts';
import { SealedSegments } from './sealed-segments.ts';
import type { SourceHome } from './source-home.ts';

export interface SegmentWriterOptions {
  readonly lane: SpoolLane;
  /** Of the source; shared by its lanes. */
  readonly home: SourceHome;
  readonly queue: BlockQueue;
  /** Of the lane. */
  readonly series: SeriesCounts;
  /** Told when a block is in a file: its bytes are not used any more. */
  readonly recycle: (block: QueuedBlock) => void;
  /** Asked when the queue is empty and a segment ends: the counts of this moment. */
  readonly tail: () => Tail;
  /** A segment is sealed when it is longer. */
  readonly segmentBytes: number;
  /** `disk`: every write is synced before the next one. */
  readonly durability: 'process' | 'disk';
  /** Called when others may have taken the source for dead: it is to be ended. */
  readonly onLapse: () => void;
  readonly logger: Logger;
}

const MAX_WRITE_BYTES = 1_000_000;
const RETRY_MS = 1000;
/** At most, beside one block. */
const MEMORY_SEGMENT_BYTES = 4_000_000;

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  readonly #sealed = new SealedSegments();
  readonly #held: HeldSegment;
  readonly #open: OpenSegment;
  #last: Tail | undefined;
  /** Blocks of the queue that the seal which is wanted is to be behind; undefined: none is wanted. */
  #sealBehind: number | undefined;
  #isEndWanted = false;
  #writing: Promise<void> | undefined;
  #failure: string | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.#held = new HeldSegment(options.home);
    this.#open = new OpenSegment(options);
  }

  /** Begins to write what is queued, unless it is being done. */
  write(): void {
    if (this.#writing !== undefined || this.#retryTimer !== undefined) return;
    if (this.#held.segment === undefined && this.#options.queue.length === 0 && this.#sealBehind === undefined) return;
    // Not before it is known to be under way: `onLapse` comes back here.
    this.#writing = Promise.resolve()
      .then(() => this.#writeAll())
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined;
        this.write();
      });
  }

  /**
   * Writes what is queued and ends the open segment, if there is one; at once, also where the disk has just refused. What is queued meanwhile
   * comes behind it: no more than a queue is waited for, however fast events come.
   * @returns whether all that was queued before the call is on the disk; false when the disk refuses
   */
  async seal(): Promise<boolean> {
    this.#sealBehind = this.#options.queue.length;
    this.stopRetrying();
    this.write();
    do await this.#writing;
    while (this.#sealBehind !== undefined && this.#writing !== undefined);
    return this.#failure === undefined;
  }

  /**
   * As `seal`, and what is queued goes to a new segment: the open one may be a file that somebody has removed, which only sealing brings
   * back.
   */
  end(): Promise<boolean> {
    this.#isEndWanted = true;
    return this.seal();
  }

  /** Forgets the segments up to this one: they are committed and removed. */
  acknowledge(lastSegment: number): void {
    this.#sealed.forget((segment) => segment <= lastSegment);
  }

  /** Forgets sealed segments that are gone, and that their counts were told. @returns whether there were any */
  forgetMissing(isThere: (segment: number) => boolean): boolean {
    const hasMissing = this.#sealed.forget((segment) => !isThere(segment));
    if (hasMissing) this.retellCounts();
    return hasMissing;
  }

  /**
   * While the disk refuses: the oldest of what is queued as a segment with the next number. The same one again until it is acknowledged or,
   * when the disk comes back first, written there as a segment like any other. It comes behind all that are sealed by then.
   */
  takeMemorySegment(): MemorySegment | undefined {
    const { queue, series } = this.#options;
    if (this.#held.segment !== undefined) return this.#held.segment;
    if (this.#failure === undefined || this.#writing !== undefined || queue.length === 0) return undefined;
    const blocks = queue.peek(MEMORY_SEGMENT_BYTES);
    this.#shift(blocks.length);
    for (const block of blocks) series.add(block.series);
    const end = (queue.length > 0 ? blocks.at(-1) : undefined) ?? this.#takeTail();
    const told = series.toTell(queue.length === 0);
    const held = this.#held.hold(this.#open.nextHeader(), blocks, end, told);
    series.noteTold(told);
    this.#last = end;
    return held;
  }

  /** It is committed. One that is on the disk by now is found committed when its file is drained. */
  acknowledgeMemory(segment: number): void {
    this.#held.acknowledge(segment);
  }

  /** Forgets that its counts were told: the block that said so cannot be read. */
  retellCounts(): void {
    this.#last = undefined;
    this.#options.series.retell();
  }

  /**
   * Writes blocks now, for the moment before the process ends. An append under way writes the same bytes to the same place; a segment
   * that is just ending is left alone.
   * @throws what the file system says
   */
  appendSync(blocks: readonly Buffer[]): void {
    this.#held.saveSync();
    if (blocks.length > 0) this.#open.openSync().appendSync(blocks);
  }

  /** Tries no more: what is queued stays there. */
  stopRetrying(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }

  /** Counts of the last block that was written. */
  get lastCounts(): EventCounts | undefined {
    return this.#last?.counts;
  }

  get hasOpenSegment(): boolean {
    return this.#open.file !== undefined;
  }

  /** Number of the segment that was sealed last; 0 before the first. */
  get lastSealed(): number {
    return this.#sealed.last;
  }

  /** Why the disk refuses; undefined while it does not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Numbers of the segments that are sealed and not acknowledged. */
  get sealedSegments(): readonly number[] {
    return this.#sealed.numbers;
  }

  /** Rows in the segment that is not sealed. */
  get unsealedRows(): number {
    return this.#open.rows;
  }

  /** Bytes of the segment in memory. */
  get memoryBytes(): number {
    return this.#held.bytes;
  }

  /** Bytes in segments that are not acknowledged. */
  get bytes(): number {
    return this.#sealed.bytes + this.#open.bytes + this.#held.bytes;
  }

  /** Rows in them. */
  get rows(): number {
    return this.#sealed.rows + this.#open.rows + this.#held.rows;
  }

  /** End of the oldest of them; +Infinity without any. */
  get minEndMs(): number {
    return Math.min(this.#sealed.minEndMs, this.#open.minEndMs, this.#held.minEndMs);
  }

  async #writeAll(): Promise<void> {
    const { queue, durability, segmentBytes, logger, home, onLapse } = this.#options;
    let hasWritten = false;
    while (this.#held.segment !== undefined || queue.length > 0 || this.#sealBehind !== undefined) {
      if (home.hasLapsed) onLapse();
      if (this.#held.segment !== undefined) {
        await this.#held.save((segment, sealed) => this.#sealed.add(segment, sealed));
        hasWritten = true;
        continue;
      }
      if (this.#isEndWanted) {
        this.#isEndWanted = false;
        if (queue.length > 0 && this.#last !== undefined) await this.#sealFile(this.#last);
      }
      const tail = this.#takeWantedTail();
      if (tail !== undefined) {
        this.#sealBehind = undefined;
        await this.#sealFile(tail);
        break; // who waits for it goes on; what is queued by now is written next
      }
      const file = this.#open.file ?? (await this.#open.open());
      const blocks = queue.peek(MAX_WRITE_BYTES);
      await file.append(blocks.map((block) => block.bytes));
      this.#noteWritten(blocks);
      hasWritten = true;
      if (durability === 'disk') await file.sync();
      if (file.bytes >= segmentBytes && this.#last !== undefined) await this.#sealFile(this.#last);
    }
    if (this.#failure !== undefined) {
      if (!hasWritten) await home.make(); // what was refused is committed by now: this tells whether the disk takes anything
      this.#failure = undefined;
      logger.info({}, 'the spool can be written again');
    }
  }

  #noteWritten(blocks: readonly QueuedBlock[]): void {
    for (const block of blocks) this.#options.series.add(block.series);
    this.#open.note(blocks);
    this.#last = blocks.at(-1);
    this.#shift(blocks.length);
    for (const block of blocks) this.#options.recycle(block);
  }

  #shift(blocks: number): void {
    this.#options.queue.shift(blocks);
    if (this.#sealBehind !== undefined) this.#sealBehind = Math.max(0, this.#sealBehind - blocks);
  }

  /** The end of the segment that is to be sealed now; undefined: none is, or there are blocks to be written before. */
  #takeWantedTail(): Tail | undefined {
    if (this.#sealBehind === undefined) return undefined;
    if (this.#options.queue.length === 0) return this.#takeTail();
    return this.#sealBehind === 0 ? this.#last : undefined;
  }

  #takeTail(): Tail {
    const tail = this.#options.tail();
    this.#options.series.add(tail.series);
    return tail;
  }

  async #sealFile(tail: Tail): Promise<void> {
    const file = this.#open.file && this.#open.end();
    if (file === undefined) return;
    const { queue, series } = this.#options;
    const told = series.toTell(queue.length === 0);
    const { counts, lowWatermarkMs } = tail;
    await file.seal([...encodeSeriesBlocks(told, counts, lowWatermarkMs), encodeEmptyBlock(counts, lowWatermarkMs, true)]);
    series.noteTold(told);
    this.#last = tail;
    this.#sealed.add(file.segment, this.#open.release(file));
  }

  /** After a refusal of the disk: the open segment ends here, and a new one is tried in a second. */
  async #fail(error: unknown): Promise<void> {
    const { logger, queue, home } = this.#options;
    const reason = describeError(error);
    if (this.#failure === undefined)
      logger.error({ queued: queue.rows, reason }, 'the spool cannot be written; trying again every second');
    this.#failure = reason;
    home.forget();
    const file = this.#open.end();
    if (file !== undefined) {
      await home.make().catch(() => {});
      await file.abandon().catch(() => this.retellCounts()); // nobody may have heard what its last block said
      this.#sealed.add(file.segment, this.#open.release(file));
    }
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.write();
    }, RETRY_MS);
    this.#retryTimer.unref();
  }
}
