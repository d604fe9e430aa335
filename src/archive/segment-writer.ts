// The one loop that writes the blocks of a lane: from the queue to the open segment, sealed when it is long or when asked. What the disk
// refuses stays in the queue, and a new segment is tried every second.
import { describeError } from '../errors.ts';
import type { EventCounts, Lane } from '../event.ts';
import type { Logger } from '../logger.ts';
import type { BlockQueue, QueuedBlock } from './block-queue.ts';
import { COLUMNS } from './copy-tuples.ts';
import { SegmentFile } from './segment-file.ts';
import { encodeEmptyBlock, type SegmentHeader } from './segment-format.ts';
import type { SourceHome } from './source-home.ts';

/** What the last block of a segment says. */
export interface Tail {
  readonly counts: EventCounts;
  readonly lowWatermarkMs: number;
}

export interface SegmentWriterOptions {
  readonly lane: Lane;
  /** Of the source; shared by its lanes. */
  readonly home: SourceHome;
  readonly queue: BlockQueue;
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

interface Written {
  readonly bytes: number;
  readonly rows: number;
  readonly minEndMs: number;
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  readonly #sealed = new Map<number, Written>();
  #file: SegmentFile | undefined;
  /** No longer to be added to: it is being sealed, or given up. */
  #ending: SegmentFile | undefined;
  #fileRows = 0;
  #fileMinEndMs = Infinity;
  #last: Tail | undefined;
  #lastSegment = 0;
  #lastSealed = 0;
  #isSealWanted = false;
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
    if (this.#options.queue.length === 0 && !this.#isSealWanted) return;
    this.#writing = this.#writeAll()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /**
   * Writes what is queued and ends the open segment, if there is one; at once, also where the disk has just refused.
   * @returns whether all that was queued before the call is on the disk; false when the disk refuses
   */
  async seal(): Promise<boolean> {
    this.#isSealWanted = true;
    this.stopRetrying();
    this.write();
    while (this.#writing !== undefined) await this.#writing;
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
    for (const segment of this.#sealed.keys()) if (segment <= lastSegment) this.#sealed.delete(segment);
  }

  /** Forgets sealed segments that are gone, and that their counts were told. @returns whether there were any */
  forgetMissing(isThere: (segment: number) => boolean): boolean {
    const missing = [...this.#sealed.keys()].filter((segment) => !isThere(segment));
    for (const segment of missing) this.#sealed.delete(segment);
    if (missing.length > 0) this.retellCounts();
    return missing.length > 0;
  }

  /** Forgets that its counts were told: the block that said so cannot be read. */
  retellCounts(): void {
    this.#last = undefined;
  }

  /**
   * Writes blocks now, for the moment before the process ends. An append under way writes the same bytes to the same place; a segment
   * that is just ending is left alone.
   * @throws what the file system says
   */
  appendSync(blocks: readonly Buffer[]): void {
    (this.#file ?? this.#openSync()).appendSync(blocks);
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

  /** What is on the disk and not acknowledged. */
  get written(): Written {
    let bytes = (this.#file ?? this.#ending)?.bytes ?? 0;
    let rows = this.#fileRows;
    let minEndMs = this.#fileMinEndMs;
    for (const sealed of this.#sealed.values()) {
      bytes += sealed.bytes;
      rows += sealed.rows;
      minEndMs = Math.min(minEndMs, sealed.minEndMs);
    }
    return { bytes, rows, minEndMs };
  }

  async #writeAll(): Promise<void> {
    const { queue, durability, segmentBytes, tail, logger, home, onLapse } = this.#options;
    while (queue.length > 0 || this.#isSealWanted) {
      if (home.hasLapsed) onLapse();
      if (this.#isEndWanted) {
        this.#isEndWanted = false;
        if (queue.length > 0 && this.#last !== undefined) await this.#sealFile(this.#last);
      }
      if (queue.length === 0) {
        this.#isSealWanted = false;
        await this.#sealFile(tail());
        continue;
      }
      this.#file ??= await this.#open();
      const blocks = queue.peek(MAX_WRITE_BYTES);
      await this.#file.append(blocks.map((block) => block.bytes));
      this.#noteWritten(blocks);
      if (durability === 'disk') await this.#file.sync();
      if (this.#file.bytes >= segmentBytes && this.#last !== undefined) await this.#sealFile(this.#last);
    }
    if (this.#failure !== undefined) {
      this.#failure = undefined;
      logger.info({}, 'the spool can be written again');
    }
  }

  #noteWritten(blocks: readonly QueuedBlock[]): void {
    for (const block of blocks) {
      this.#fileRows += block.rows;
      this.#fileMinEndMs = Math.min(this.#fileMinEndMs, block.minEndMs);
    }
    this.#last = blocks.at(-1);
    this.#options.queue.shift(blocks.length);
  }

  async #sealFile(tail: Tail): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    this.#ending = file;
    await file.seal(encodeEmptyBlock(tail.counts, tail.lowWatermarkMs, true));
    this.#last = tail;
    this.#release(file);
  }

  #release(file: SegmentFile): void {
    this.#lastSealed = file.segment;
    this.#sealed.set(file.segment, { bytes: file.bytes, rows: this.#fileRows, minEndMs: this.#fileMinEndMs });
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
      await file.abandon().catch(() => {});
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
    return { sourceId, lane, segment, relation: 'observability_metrics', columns: COLUMNS, service };
  }
}
