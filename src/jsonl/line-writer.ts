// The one loop that brings queued lines to the disk. What the disk refuses stays in the queue and is tried again every second.
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { DayFiles, type DayFilesOptions } from './day-files.ts';
import { countLines, LineQueue, type QueuedLines } from './line-queue.ts';

const MAX_WRITE_BYTES = 1_000_000;
const RETRY_MS = 1000;
/** What has not answered for so long is said to hang. */
const STALL_MS = 5000;

export interface LineWriterOptions extends DayFilesOptions {
  readonly logger: Logger;
}

export class LineWriter {
  readonly #options: LineWriterOptions;
  readonly #files: DayFiles;
  readonly #queue = new LineQueue();
  #writing: Promise<void> | undefined;
  /** Who waits until so many are written. */
  #flushes: { readonly target: number; readonly resolve: () => void }[] = [];
  #waitingSinceMs: number | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  #isStopped = false;
  /** All was written synchronously: what was under way has been counted. */
  #hasEnded = false;
  #written = 0;
  #failures = 0;
  #writes = 0;
  #writeSeconds = 0;

  constructor(options: LineWriterOptions) {
    this.#options = options;
    this.#files = new DayFiles(options);
  }

  push(lines: QueuedLines): void {
    this.#queue.push(lines);
  }

  /** Begins to write what is queued, unless that is being done, or waits to be tried again. */
  write(): void {
    if (this.#writing !== undefined || this.#retryTimer !== undefined || this.#isStopped || this.#queue.rows === 0) return;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
      this.write(); // what was queued as it ended
    });
  }

  /** Resolves when what was queued before the call is on the disk, however fast more comes, or the disk refuses. Never rejects. */
  flush(): Promise<void> {
    if (this.#queue.rows === 0 || this.#isStopped) return Promise.resolve();
    const target = this.#written + this.#queue.rows;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    return new Promise((resolve) => {
      this.#flushes.push({ target, resolve });
      this.write();
    });
  }

  /** Writes all that is queued, synchronously, for the moment before the process ends. Never throws. */
  appendSync(): void {
    this.stop();
    this.#hasEnded = true;
    try {
      const begun = this.#queue.peek(MAX_WRITE_BYTES);
      const rest = this.#files.settleSync();
      if (rest !== undefined && begun !== undefined) this.#settle(begun.lines, begun.pieces, rest);
      for (let next = this.#queue.peek(MAX_WRITE_BYTES); next !== undefined; next = this.#queue.peek(MAX_WRITE_BYTES)) {
        this.#settle(next.lines, next.pieces, this.#files.appendSync(next.lines.day, next.lines.bytes));
      }
    } catch (error) {
      this.#options.logger.error({ events: this.#queue.rows }, `the last events could not be written: ${describeError(error)}`);
    }
  }

  /** Begins no other write. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#endFlushes(Infinity);
  }

  /** Events that are on the disk. */
  get written(): number {
    return this.#written;
  }

  get waiting(): { readonly events: number; readonly bytes: number; readonly oldestMs: number } {
    return { events: this.#queue.rows, bytes: this.#queue.bytes, oldestMs: this.#queue.minEndMs };
  }

  /** Writes that failed; those that did not, and how long they took in all. */
  get numbers(): { readonly failures: number; readonly batches: number; readonly batchSecondsSum: number } {
    return { failures: this.#failures, batches: this.#writes, batchSecondsSum: this.#writeSeconds };
  }

  /** Why the disk refuses; undefined while it does not. */
  get failure(): string | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const waitedMs = performance.now() - (this.#waitingSinceMs ?? Infinity);
    return waitedMs >= STALL_MS ? `the disk has not answered for ${Math.round(waitedMs / 1000)} s` : undefined;
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      const next = this.#isStopped ? undefined : this.#queue.peek(MAX_WRITE_BYTES);
      if (next === undefined) return;
      const { lines, pieces } = next;
      const begunMs = performance.now();
      this.#waitingSinceMs = begunMs;
      try {
        const { rest, syncError } = await this.#files.append(lines.day, lines.bytes);
        if (this.#hasEnded) return;
        this.#settle(lines, pieces, rest);
        this.#writes++;
        this.#writeSeconds += (performance.now() - begunMs) / 1000;
        if (syncError === undefined) this.#recover();
        else this.#fail(syncError);
      } catch (error) {
        this.#fail(error);
        this.#retryTimer = setTimeout(() => {
          this.#retryTimer = undefined;
          this.write();
        }, RETRY_MS).unref();
        this.#endFlushes(Infinity);
        return;
      } finally {
        this.#waitingSinceMs = undefined;
      }
    }
  }

  #settle(lines: QueuedLines, pieces: number, rest: Buffer): void {
    const rows = countLines(rest);
    this.#written += lines.rows - rows;
    this.#queue.replace(pieces, rows === 0 ? undefined : { ...lines, bytes: rest, rows });
    this.#endFlushes(this.#written);
  }

  #endFlushes(written: number): void {
    for (const { resolve } of this.#flushes.filter(({ target }) => target <= written)) resolve();
    this.#flushes = this.#flushes.filter(({ target }) => target > written);
  }

  #fail(error: unknown): void {
    this.#failures++;
    const failure = describeError(error);
    if (this.#failure !== failure)
      this.#options.logger.warn({ failure }, 'the JSONL folder cannot be written: events wait in memory');
    this.#failure = failure;
  }

  #recover(): void {
    if (this.#failure !== undefined) this.#options.logger.info({}, 'the JSONL folder can be written again');
    this.#failure = undefined;
  }
}
