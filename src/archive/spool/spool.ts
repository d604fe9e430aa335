// The spool of this process: what waits on the disk for Postgres. Events go to one source at a time; a source that was ended keeps what
// it holds, under its own id, until that is drained. All share one bound.
import { type DropReason, type EventSink, type LaneBatch, SPOOL_LANES, type SpoolLane } from '../../event.ts';
import type { LogSink } from '../../log.ts';
import type { Logger } from '../../logger.ts';
import { createSource, formatSourceId } from './source.ts';
import type { HomeClock } from './source-home.ts';
import { addDrops, SourceSpool } from './source-spool.ts';

export interface SpoolOptions {
  /** Shared with other processes; made when the first block is written. */
  readonly spoolDir: string;
  readonly service: string;
  readonly instance: string;
  /** The process clock that the events carry: milliseconds since the epoch. */
  readonly now: () => number;
  /** Bytes at most in the whole spool, the queues included; `rest` is refused from 90 % on. */
  readonly maxBytes: number;
  /** Bytes at most in memory of `rest`, and a quarter of it of `keep`; default 8 MB. */
  readonly maxQueueBytes?: number;
  /** A segment is sealed when it is longer; default 8 MB. */
  readonly segmentBytes?: number;
  /** `disk`: every write is synced before the next one. */
  readonly durability: 'process' | 'disk';
  /** What the lease of a source is measured by; default: the clocks of the system. */
  readonly clock?: HomeClock;
  readonly logger: Logger;
}

const DEFAULT_QUEUE_BYTES = 8_000_000;
const DEFAULT_SEGMENT_BYTES = 8_000_000;
/** Of the spool's bound: the last tenth is left to failures and slow events, the last fifth to events. */
const SPOOL_SHARES: Readonly<Record<SpoolLane, number>> = { keep: 1, rest: 0.9, logs: 0.8 };
/** Of the queue's bound: failures and slow events are few. */
const QUEUE_SHARES: Readonly<Record<SpoolLane, number>> = { keep: 0.25, rest: 1, logs: 0.5 };

export class Spool implements EventSink, LogSink {
  readonly #options: SpoolOptions;
  readonly #retired = new Set<SourceSpool>();
  /** Of sources that were released. */
  readonly #releasedDrops: Partial<Record<DropReason, number>> = {};
  readonly #releasedLogDrops: Partial<Record<DropReason, number>> = {};
  #current: SourceSpool;
  #otherBytes = 0;
  #isClosed = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#current = this.#openSource(undefined);
  }

  /** The source that takes the events. */
  get current(): SourceSpool {
    return this.#current;
  }

  /** Sources of this process that were ended and not released, the oldest first. */
  get retired(): readonly SourceSpool[] {
    return [...this.#retired];
  }

  /** Of this process: the current one and those that are retired. */
  get sourceIds(): bigint[] {
    return this.#all.map(({ source }) => source.sourceId);
  }

  accept(batch: LaneBatch): number {
    this.#checkLease();
    return this.#current.accept(batch);
  }

  /**
   * Ends the current source: what it holds is written, sealed and drained under its own id. What comes now goes to a new source, whose
   * counts begin where those of the last one end. Does nothing when the current one is new, or the spool is closed.
   */
  rotate(): void {
    if (this.#current.isFresh || this.#isClosed) return;
    const ended = this.#current;
    this.#retired.add(ended);
    this.#current = this.#openSource(ended);
    void ended.end();
  }

  /** Forgets a retired source: it is drained, closed, and its folder removed. */
  release(source: SourceSpool): void {
    if (!this.#retired.delete(source)) return;
    addDrops(this.#releasedDrops, source.dropped);
    addDrops(this.#releasedLogDrops, source.lane('logs').dropped);
  }

  /**
   * Writes what is queued and ends the open segments.
   * @returns whether all that was accepted before the call is on the disk; false when the disk refuses
   */
  async seal(): Promise<boolean> {
    const done = await Promise.all(this.#all.map((source) => source.seal()));
    return done.every(Boolean);
  }

  /** The next segments that are sealed tell the counts of all series that have changed; else they do every 10 s. */
  tellSeries(): void {
    for (const source of this.#all) source.tellSeries();
  }

  /** Tells how much of the spool's bytes belong to other processes. */
  setOtherBytes(bytes: number): void {
    this.#otherBytes = bytes;
  }

  /** Shows other processes that this one lives; rotates where it could not be shown for too long. To be called every 5 s. Never rejects. */
  async touch(): Promise<void> {
    this.#checkLease();
    await Promise.all(this.#all.map((source) => source.touch()));
    this.#checkLease();
  }

  /** Takes nothing more. What is queued can still be sealed. */
  close(): void {
    this.#isClosed = true;
    this.#current.close();
  }

  /** Stops trying again; what is queued stays in memory for `appendSync`. */
  stopRetrying(): void {
    for (const source of this.#all) source.stopRetrying();
  }

  /** Writes all that is queued, synchronously, for the moment before the process ends; a next process drains it. Never throws. */
  appendSync(): void {
    this.#isClosed = true;
    for (const source of this.#all) source.appendSync();
  }

  /** Cumulative drops of events of this process, by reason. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    const dropped = { ...this.#releasedDrops };
    for (const source of this.#all) addDrops(dropped, source.dropped);
    return dropped;
  }

  /** The same of log lines. */
  get droppedLogs(): Readonly<Partial<Record<DropReason, number>>> {
    const dropped = { ...this.#releasedLogDrops };
    for (const source of this.#all) addDrops(dropped, source.lane('logs').dropped);
    return dropped;
  }

  /** Bytes on the disk and in the queues, of this process. */
  get bytes(): number {
    return this.#all.reduce((sum, source) => sum + source.bytes, 0);
  }

  /** Events that were accepted and are not acknowledged. */
  get events(): number {
    return this.#all.reduce((sum, source) => sum + source.events, 0);
  }

  /** Log lines that were accepted and are not acknowledged. */
  get logs(): number {
    return this.#all.reduce((sum, source) => sum + source.lane('logs').events, 0);
  }

  /** End of the oldest event that is not acknowledged; undefined when there is none. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.#all.map((source) => source.oldestMs ?? Infinity));
    return oldest === Infinity ? undefined : oldest;
  }

  /** All events that were recorded before are accepted, or counted; -Infinity while nothing is known. */
  get lowWatermarkMs(): number {
    return this.#current.lowWatermarkMs;
  }

  /** Why the disk refuses; undefined while it does not. */
  get failure(): string | undefined {
    return this.#all.find((source) => source.failure !== undefined)?.failure;
  }

  /** Lanes of which all is dropped because the spool is full: none, `logs` where there are any, `rest` too, or all. */
  get fullLanes(): readonly SpoolLane[] {
    return SPOOL_LANES.filter((lane) => (lane !== 'logs' || this.#current.lane(lane).isUsed) && this.#isFull(lane));
  }

  /** Bytes that may still come, acknowledged segments left out. */
  get freeBytes(): number {
    return Math.max(0, this.#options.maxBytes - this.bytes - this.#otherBytes);
  }

  /** Counts have changed since the last block that was queued or written. */
  get hasUntoldCounts(): boolean {
    return this.#all.some((source) => source.hasUntoldCounts);
  }

  /**
   * Whoever was stopped for long enough may find that others have drained what it wrote, and closed the source: what comes now needs a new
   * one, and what is left of the old one is committed behind what they came to, by the mark in the ledger.
   */
  #checkLease(): void {
    const { current } = this;
    if (!current.hasLapsed || this.#isClosed) return;
    const source_id = formatSourceId(current.source.sourceId);
    this.#options.logger.warn(
      { source_id },
      'others may have taken this process for dead (stopped, suspended, clock set, folder removed): events go to a new source',
    );
    this.rotate();
  }

  get #all(): readonly SourceSpool[] {
    return [...this.#retired, this.#current];
  }

  #openSource(before: SourceSpool | undefined): SourceSpool {
    const { spoolDir, service, instance, now, segmentBytes = DEFAULT_SEGMENT_BYTES, durability, clock, logger } = this.#options;
    // A source's watermark begins where it started: not behind events that still wait in the ring, which will be its own.
    const startedAtMs = Math.min(now(), before?.lowWatermarkMs ?? Infinity);
    return new SourceSpool({
      spoolDir,
      source: createSource({ service, instance, startedAtMs: Number.isFinite(startedAtMs) ? startedAtMs : now() }),
      from: before?.position,
      isFull: (lane) => this.#isFull(lane),
      queueLimit: (lane) => this.#queueLimit(lane),
      segmentBytes,
      durability,
      onLapse: () => this.#checkLease(),
      clock,
      logger,
    });
  }

  #isFull(lane: SpoolLane): boolean {
    return this.bytes + this.#otherBytes >= this.#options.maxBytes * SPOOL_SHARES[lane];
  }

  /** What ended sources have in memory is taken from what the current one may have. */
  #queueLimit(lane: SpoolLane): number {
    const { maxQueueBytes = DEFAULT_QUEUE_BYTES } = this.#options;
    let limit = maxQueueBytes * QUEUE_SHARES[lane];
    for (const source of this.#retired) limit -= source.lane(lane).queuedBytes;
    return limit;
  }
}
