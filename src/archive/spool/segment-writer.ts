// The one loop that writes the blocks of a lane: from the queue to the open segment, sealed when it is long or when asked. What the disk
// refuses stays in the queue, and a new segment is tried every second; meanwhile it can be taken as a segment in memory.
import { describeError } from '../../errors.ts';
import type { EventCounts, SpoolLane } from '../../event.ts';
import type { Logger } from '../../logger.ts';
import { LANE_RELATIONS } from '../segments/relations.ts';
import { encodeEmptyBlock, encodeSegment, type SegmentHeader } from '../segments/segment-format.ts';
import { encodeSeriesBlocks } from '../segments/series-blocks.ts';
import type { SeriesCounts } from '../segments/series-counts.ts';
import type { BlockQueue, QueuedBlock } from './block-queue.ts';
import type { Tail } from './lane-account.ts';
import { SealedSegments } from './sealed-segments.ts';
import { SegmentFile, writeSegment, writeSegmentSync } from './segment-file.ts';
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

/** A complete segment that the disk has refused. */
export interface MemorySegment {
  readonly segment: number;
  readonly bytes: Buffer;
}

interface HeldSegment extends MemorySegment {
  readonly rows: number;
  readonly minEndMs: number;
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  readonly #sealed = new SealedSegments();
  /** Neither committed nor on the disk. */
  #memory: HeldSegment | undefined;
  #isSavingMemory = false;
  #file: SegmentFile | undefined;
  /** No longer to be added to: it is being sealed, or given up. */
  #ending: SegmentFile | undefined;
  #fileRows = 0;
  #fileMinEndMs = Infinity;
  #last: Tail | undefined;
  #lastSegment = 0;
  #lastSealed = 0;
  /** Blocks of the queue that the seal which is wanted is to be behind; undefined: none is wanted. */
  #sealBehind: number | undefined;
  #isEndWanted = false;
  #writing: Promise<void> | undefined;
  #failure: string | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
  }

  /** Begins to write what is queued, unless it is being done. */
  write(): void {
    if (this.#writing !== undefined || this.#retryTimer !== undefined) return;
    if (this.#memory === undefined && this.#options.queue.length === 0 && this.#sealBehind === undefined) return;
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
    if (this.#memory !== undefined) return this.#memory;
    if (this.#failure === undefined || this.#writing !== undefined || queue.length === 0) return undefined;
    const blocks = queue.peek(MEMORY_SEGMENT_BYTES);
    this.#shift(blocks.length);
    for (const block of blocks) series.add(block.series);
    const end = (queue.length > 0 ? blocks.at(-1) : undefined) ?? this.#takeTail();
    const { counts, lowWatermarkMs } = end;
    const header = this.#nextHeader();
    const told = series.toTell(queue.length === 0);
    const content = [...blocks.map((block) => block.bytes), ...encodeSeriesBlocks(told, counts, lowWatermarkMs)];
    const bytes = encodeSegment(header, content, encodeEmptyBlock(counts, lowWatermarkMs, true));
    series.noteTold(told);
    const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
    const minEndMs = Math.min(...blocks.map((block) => block.minEndMs));
    this.#memory = { segment: header.segment, bytes, rows, minEndMs };
    this.#last = end;
    return this.#memory;
  }

  /** It is committed. One that is on the disk by now is found committed when its file is drained. */
  acknowledgeMemory(segment: number): void {
    if (this.#memory?.segment === segment && !this.#isSavingMemory) this.#memory = undefined;
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
    const { home, lane } = this.#options;
    if (this.#memory !== undefined) {
      home.makeSync();
      writeSegmentSync(home.folder, { lane, segment: this.#memory.segment }, this.#memory.bytes);
      this.#memory = undefined;
    }
    if (blocks.length > 0) (this.#file ?? this.#openSync()).appendSync(blocks);
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
    return this.#file !== undefined;
  }

  /** Number of the segment that was sealed last; 0 before the first. */
  get lastSealed(): number {
    return this.#lastSealed;
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
    return this.#fileRows;
  }

  /** Bytes of the segment in memory. */
  get memoryBytes(): number {
    return this.#memory?.bytes.length ?? 0;
  }

  /** Bytes in segments that are not acknowledged. */
  get bytes(): number {
    return this.#sealed.bytes + ((this.#file ?? this.#ending)?.bytes ?? 0) + this.memoryBytes;
  }

  /** Rows in them. */
  get rows(): number {
    return this.#sealed.rows + this.#fileRows + (this.#memory?.rows ?? 0);
  }

  /** End of the oldest of them; +Infinity without any. */
  get minEndMs(): number {
    return Math.min(this.#sealed.minEndMs, this.#fileMinEndMs, this.#memory?.minEndMs ?? Infinity);
  }

  async #writeAll(): Promise<void> {
    const { queue, durability, segmentBytes, logger, home, onLapse } = this.#options;
    let hasWritten = false;
    while (this.#memory !== undefined || queue.length > 0 || this.#sealBehind !== undefined) {
      if (home.hasLapsed) onLapse();
      if (this.#memory !== undefined) {
        await this.#saveMemory(this.#memory);
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
      this.#file ??= await this.#open();
      const blocks = queue.peek(MAX_WRITE_BYTES);
      await this.#file.append(blocks.map((block) => block.bytes));
      this.#noteWritten(blocks);
      hasWritten = true;
      if (durability === 'disk') await this.#file.sync();
      if (this.#file.bytes >= segmentBytes && this.#last !== undefined) await this.#sealFile(this.#last);
    }
    if (this.#failure !== undefined) {
      if (!hasWritten) await home.make(); // what was refused is committed by now: this tells whether the disk takes anything
      this.#failure = undefined;
      logger.info({}, 'the spool can be written again');
    }
  }

  /** To the disk, before any later segment is. */
  async #saveMemory(memory: HeldSegment): Promise<void> {
    const { home, lane } = this.#options;
    this.#isSavingMemory = true;
    try {
      await home.make();
      await writeSegment(home.folder, { lane, segment: memory.segment }, memory.bytes);
    } finally {
      this.#isSavingMemory = false;
    }
    this.#memory = undefined;
    this.#lastSealed = memory.segment;
    this.#sealed.add(memory.segment, { bytes: memory.bytes.length, rows: memory.rows, minEndMs: memory.minEndMs });
  }

  #noteWritten(blocks: readonly QueuedBlock[]): void {
    for (const block of blocks) {
      this.#options.series.add(block.series);
      this.#fileRows += block.rows;
      this.#fileMinEndMs = Math.min(this.#fileMinEndMs, block.minEndMs);
    }
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
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    this.#ending = file;
    const { queue, series } = this.#options;
    const told = series.toTell(queue.length === 0);
    const { counts, lowWatermarkMs } = tail;
    await file.seal([...encodeSeriesBlocks(told, counts, lowWatermarkMs), encodeEmptyBlock(counts, lowWatermarkMs, true)]);
    series.noteTold(told);
    this.#last = tail;
    this.#release(file);
  }

  #release(file: SegmentFile): void {
    this.#lastSealed = file.segment;
    this.#sealed.add(file.segment, { bytes: file.bytes, rows: this.#fileRows, minEndMs: this.#fileMinEndMs });
    this.#ending = undefined;
    this.#fileRows = 0;
    this.#fileMinEndMs = Infinity;
  }

  /** After a refusal of the disk: the open segment ends here, and a new one is tried in a second. */
  async #fail(error: unknown): Promise<void> {
    const { logger, queue, home } = this.#options;
    const reason = describeError(error);
    if (this.#failure === undefined)
      logger.error({ queued: queue.rows, reason }, 'the spool cannot be written; trying again every second');
    this.#failure = reason;
    home.forget();
    const file = this.#file ?? this.#ending;
    this.#file = undefined;
    this.#ending = file;
    if (file !== undefined) {
      await home.make().catch(() => {});
      await file.abandon().catch(() => this.retellCounts()); // nobody may have heard what its last block said
      this.#release(file);
    }
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.write();
    }, RETRY_MS);
    this.#retryTimer.unref();
  }

  async #open(): Promise<SegmentFile> {
    const { home } = this.#options;
    await home.make();
    return SegmentFile.open(home.folder, this.#nextHeader());
  }

  #openSync(): SegmentFile {
    const { home } = this.#options;
    home.makeSync();
    return SegmentFile.openSync(home.folder, this.#nextHeader());
  }

  #nextHeader(): SegmentHeader {
    const { home, lane } = this.#options;
    const { sourceId, service } = home.source;
    const segment = ++this.#lastSegment;
    const { name, columns } = LANE_RELATIONS[lane];
    return { sourceId, lane, segment, relation: name, columns, service };
  }
}
