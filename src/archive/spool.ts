// Batches of events to sealed segments: encoded at once into a bounded queue, written by one loop that the application never waits for.
// What the disk refuses stays in the queue; what no longer fits is dropped by reason, and the counts travel with the next block.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeError } from '../errors.ts';
import type { DropReason, EventBatch, EventCounts, EventSink, Lane } from '../event.ts';
import type { Logger } from '../logger.ts';
import { BlockQueue, type QueuedBlock } from './block-queue.ts';
import { COLUMNS } from './copy-tuples.ts';
import { Encoder } from './encoder.ts';
import { SegmentFile, syncFolder } from './segment-file.ts';
import { encodeEmptyBlock, type SegmentHeader } from './segment-format.ts';
import { formatSource, type Source } from './source.ts';
import { SOURCE_FILE } from './spool-folder.ts';

export interface SpoolOptions {
  /** The source's own folder; made when the first block is written. */
  readonly folder: string;
  readonly source: Source;
  /** Bytes at most in the whole spool, the queue included. */
  readonly maxBytes: number;
  /** Bytes at most in memory; default 8 MB. */
  readonly maxQueueBytes?: number;
  /** A segment is sealed when it is longer; default 8 MB. */
  readonly segmentBytes?: number;
  /** `disk`: every write is synced before the next one. */
  readonly durability: 'process' | 'disk';
  readonly logger: Logger;
}

const DEFAULT_QUEUE_BYTES = 8_000_000;
const DEFAULT_SEGMENT_BYTES = 8_000_000;
const MAX_WRITE_BYTES = 1_000_000;
const RETRY_MS = 1000;
const LANE: Lane = 'rest';
const NO_COUNTS: EventCounts = { recorded: 0, sampledOut: 0, dropped: {} };

interface SealedSegment {
  readonly bytes: number;
  readonly rows: number;
  readonly minEndMs: number;
}

/** The spool of this process. */
export class Spool implements EventSink {
  readonly #options: SpoolOptions;
  readonly #encoder: Encoder;
  readonly #queue = new BlockQueue();
  readonly #sealed = new Map<number, SealedSegment>();
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  #file: SegmentFile | undefined;
  #fileRows = 0;
  #fileMinEndMs = Infinity;
  /** The last block that was written. */
  #written: { counts: EventCounts; lowWatermarkMs: number } = { counts: NO_COUNTS, lowWatermarkMs: -Infinity };
  /** After the last event that was accepted, whether or not a block has told it yet. */
  #counts: EventCounts = NO_COUNTS;
  #countsOfLastBlock: EventCounts = NO_COUNTS;
  #lowWatermarkMs = -Infinity;
  #lastSegment = 0;
  #lastSealed = 0;
  #otherBytes = 0;
  #isFolderReady = false;
  #isSealWanted = false;
  #isClosed = false;
  #writing: Promise<void> | undefined;
  #failure: string | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#encoder = new Encoder(options.source.sourceId);
  }

  accept(batch: EventBatch): number {
    if (this.#isClosed) return 0;
    let next = 0;
    while (next < batch.size) {
      const refusal = this.#refusal();
      if (refusal === 'wait') break;
      if (refusal !== undefined) {
        this.#drop(refusal, batch.size - next);
        next = batch.size;
        break;
      }
      next = this.#encodeBlock(batch, next);
    }
    this.#counts = this.#countsAfter(batch, next);
    if (next === batch.size && batch.lowWatermarkMs > this.#lowWatermarkMs) this.#lowWatermarkMs = batch.lowWatermarkMs;
    this.#write();
    return next;
  }

  /**
   * Writes what is queued and ends the open segment.
   * @returns whether all that was accepted before the call is on the disk; false when the disk refuses
   */
  async seal(): Promise<boolean> {
    if (this.#hasUntoldCounts() && this.#file === undefined && this.#queue.length === 0) this.#pushCounts();
    this.#isSealWanted = true;
    this.#write();
    while (this.#writing !== undefined) await this.#writing;
    return this.#failure === undefined;
  }

  /** Forgets the segments up to this one: they are committed and removed. */
  acknowledge(lastSegment: number): void {
    for (const segment of this.#sealed.keys()) if (segment <= lastSegment) this.#sealed.delete(segment);
  }

  /** Tells how much of the spool's bytes belong to other sources. */
  setOtherBytes(bytes: number): void {
    this.#otherBytes = bytes;
  }

  /** Shows other processes that this one lives. */
  async touch(): Promise<void> {
    const now = new Date();
    if (this.#isFolderReady) await utimes(join(this.#options.folder, SOURCE_FILE), now, now).catch(() => {});
  }

  /** Takes nothing more. What is queued can still be sealed. */
  close(): void {
    this.#isClosed = true;
  }

  /** Stops trying again; what is queued stays in memory for `appendSync`. */
  stopRetrying(): void {
    clearTimeout(this.#retryTimer);
  }

  /** Writes all that is queued, synchronously, for the moment before the process ends; a next process drains it. Never throws. */
  appendSync(): void {
    this.#isClosed = true;
    this.stopRetrying();
    const blocks = this.#queue.peek(Infinity).map((block) => block.bytes);
    if (this.#hasUntoldCounts()) blocks.push(encodeEmptyBlock(this.#counts, this.#lowWatermarkMs, false));
    if (blocks.length === 0) return;
    try {
      (this.#file ?? this.#openSync()).appendSync(blocks);
      this.#queue.shift(this.#queue.length);
      this.#countsOfLastBlock = this.#counts;
    } catch (error) {
      this.#options.logger.error({ events: this.#queue.rows }, `the last events could not be spooled: ${describeError(error)}`);
    }
  }

  /** Number of the segment that was sealed last; 0 before the first. */
  get lastSealed(): number {
    return this.#lastSealed;
  }

  /** Cumulative drops of this spool, by reason. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    return this.#dropped;
  }

  /** Bytes on the disk and in the queue, of this source. */
  get bytes(): number {
    let bytes = this.#queue.bytes + (this.#file?.bytes ?? 0);
    for (const sealed of this.#sealed.values()) bytes += sealed.bytes;
    return bytes;
  }

  /** Events that were accepted and are not acknowledged. */
  get events(): number {
    let rows = this.#queue.rows + this.#fileRows;
    for (const sealed of this.#sealed.values()) rows += sealed.rows;
    return rows;
  }

  /** End of the oldest event that is not acknowledged; undefined when there is none. */
  get oldestMs(): number | undefined {
    let oldest = Math.min(this.#queue.minEndMs, this.#fileMinEndMs);
    for (const sealed of this.#sealed.values()) oldest = Math.min(oldest, sealed.minEndMs);
    return oldest === Infinity ? undefined : oldest;
  }

  /** All that was recorded before is accepted, or counted; -Infinity while nothing is known. */
  get lowWatermarkMs(): number {
    return this.#lowWatermarkMs;
  }

  /** Why the disk refuses; undefined while it does not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Events are dropped because the spool is full. */
  get isFull(): boolean {
    return this.bytes + this.#otherBytes >= this.#options.maxBytes;
  }

  #refusal(): 'wait' | DropReason | undefined {
    if (this.isFull) return 'spool_full';
    if (this.#queue.bytes < (this.#options.maxQueueBytes ?? DEFAULT_QUEUE_BYTES)) return undefined;
    return this.#failure === undefined ? 'wait' : 'spool_error';
  }

  #encodeBlock(batch: EventBatch, from: number): number {
    const { next, rows, failed, minEndMs } = this.#encoder.encode(batch, from);
    if (failed > 0) this.#drop('encode_error', failed);
    if (next === from) {
      this.#drop('encode_error', 1);
      return from + 1;
    }
    if (rows > 0) {
      const counts = this.#countsAfter(batch, next);
      const lowWatermarkMs = next === batch.size ? Math.max(batch.lowWatermarkMs, this.#lowWatermarkMs) : this.#lowWatermarkMs;
      this.#push({ bytes: this.#encoder.takeBlock(counts, lowWatermarkMs), rows, minEndMs, counts, lowWatermarkMs });
    }
    return next;
  }

  #pushCounts(): void {
    const counts = this.#counts;
    const lowWatermarkMs = this.#lowWatermarkMs;
    this.#push({ bytes: encodeEmptyBlock(counts, lowWatermarkMs, false), rows: 0, minEndMs: Infinity, counts, lowWatermarkMs });
  }

  #push(block: QueuedBlock): void {
    this.#queue.push(block);
    this.#countsOfLastBlock = block.counts;
  }

  #drop(reason: DropReason, events: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + events;
  }

  /** The batch's counts as they were after its first `taken` events, with the drops of the spool. */
  #countsAfter(batch: EventBatch, taken: number): EventCounts {
    const { recorded, sampledOut, dropped } = batch.counts;
    return { recorded: recorded - (batch.size - taken), sampledOut, dropped: addCounts(dropped, this.#dropped) };
  }

  #hasUntoldCounts(): boolean {
    return JSON.stringify(this.#counts) !== JSON.stringify(this.#countsOfLastBlock);
  }

  #write(): void {
    if (this.#writing !== undefined || this.#retryTimer !== undefined) return;
    if (this.#queue.length === 0 && !this.#isSealWanted) return;
    this.#writing = this.#writeAll()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #writeAll(): Promise<void> {
    const { durability, segmentBytes = DEFAULT_SEGMENT_BYTES } = this.#options;
    while (this.#queue.length > 0 || this.#isSealWanted) {
      if (this.#queue.length === 0) {
        this.#isSealWanted = false;
        await this.#sealFile(this.#counts, this.#lowWatermarkMs);
        continue;
      }
      this.#file ??= await this.#open();
      const blocks = this.#queue.peek(MAX_WRITE_BYTES);
      await this.#file.append(blocks.map((block) => block.bytes));
      this.#noteWritten(blocks);
      if (durability === 'disk') await this.#file.sync();
      if (this.#file.bytes >= segmentBytes) await this.#sealFile(this.#written.counts, this.#written.lowWatermarkMs);
    }
    if (this.#failure !== undefined) {
      this.#failure = undefined;
      this.#options.logger.info({}, 'the spool can be written again');
    }
  }

  #noteWritten(blocks: readonly QueuedBlock[]): void {
    for (const block of blocks) {
      this.#fileRows += block.rows;
      this.#fileMinEndMs = Math.min(this.#fileMinEndMs, block.minEndMs);
      this.#written = block;
    }
    this.#queue.shift(blocks.length);
  }

  async #sealFile(counts: EventCounts, lowWatermarkMs: number): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    await file.seal(encodeEmptyBlock(counts, lowWatermarkMs, true));
    if (counts === this.#counts) this.#countsOfLastBlock = counts;
    this.#releaseFile(file);
  }

  #releaseFile(file: SegmentFile): void {
    this.#lastSealed = file.segment;
    this.#sealed.set(file.segment, { bytes: file.bytes, rows: this.#fileRows, minEndMs: this.#fileMinEndMs });
    this.#file = undefined;
    this.#fileRows = 0;
    this.#fileMinEndMs = Infinity;
  }

  /** After a refusal of the disk: the open segment ends here, and a new one is tried in a second. */
  async #fail(error: unknown): Promise<void> {
    if (this.#failure === undefined) {
      this.#options.logger.error(
        { queued: this.#queue.rows },
        `the spool cannot be written: ${describeError(error)}; trying again`,
      );
    }
    this.#failure = describeError(error);
    this.#isFolderReady = false;
    const file = this.#file;
    if (file !== undefined) {
      await file.abandon().catch(() => {});
      this.#releaseFile(file);
    }
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#write();
    }, RETRY_MS);
    this.#retryTimer.unref();
  }

  async #open(): Promise<SegmentFile> {
    await this.#makeFolder();
    return SegmentFile.open(this.#options.folder, this.#nextHeader());
  }

  #openSync(): SegmentFile {
    const { folder, source } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!this.#isFolderReady) writeFileSync(join(folder, SOURCE_FILE), formatSource(source), { mode: 0o600 });
    return SegmentFile.openSync(folder, this.#nextHeader());
  }

  #nextHeader(): SegmentHeader {
    const { sourceId, service } = this.#options.source;
    const segment = ++this.#lastSegment;
    return { sourceId, lane: LANE, segment, relation: 'observability_metrics', columns: COLUMNS, service };
  }

  async #makeFolder(): Promise<void> {
    if (this.#isFolderReady) return;
    const { folder, source } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, SOURCE_FILE);
    await writeFile(`${path}.new`, formatSource(source), { mode: 0o600 });
    await rename(`${path}.new`, path);
    await syncFolder(dirname(folder));
    this.#isFolderReady = true;
  }
}

function addCounts(
  a: Readonly<Partial<Record<DropReason, number>>>,
  b: Readonly<Partial<Record<DropReason, number>>>,
): Partial<Record<DropReason, number>> {
  const sum: Partial<Record<DropReason, number>> = { ...a };
  for (const [reason, events] of Object.entries(b) as [DropReason, number][]) sum[reason] = (sum[reason] ?? 0) + events;
  return sum;
}
