// The spool of this process: what waits on the disk for Postgres, in two lanes that share a folder and a bound.
import { type DropReason, type EventBatch, type EventSink, LANES, type Lane } from '../event.ts';
import type { Logger } from '../logger.ts';
import { LaneSpool } from './lane-spool.ts';
import type { Source } from './source.ts';
import { SourceHome } from './source-home.ts';

export interface SpoolOptions {
  /** The source's own folder; made when the first block is written. */
  readonly folder: string;
  readonly source: Source;
  /** Bytes at most in the whole spool, the queues included. */
  readonly maxBytes: number;
  /** Bytes at most in memory of `rest`, and a quarter of it of `keep`; default 8 MB. */
  readonly maxQueueBytes?: number;
  /** A segment is sealed when it is longer; default 8 MB. */
  readonly segmentBytes?: number;
  /** `disk`: every write is synced before the next one. */
  readonly durability: 'process' | 'disk';
  readonly logger: Logger;
}

const DEFAULT_QUEUE_BYTES = 8_000_000;
const DEFAULT_SEGMENT_BYTES = 8_000_000;
/** Failures and slow events are few. */
const KEEP_SHARE = 0.25;

export class Spool implements EventSink {
  readonly #home: SourceHome;
  readonly #maxBytes: number;
  readonly #lanes: Readonly<Record<Lane, LaneSpool>>;
  readonly #all: readonly LaneSpool[];
  #otherBytes = 0;

  constructor(options: SpoolOptions) {
    const { folder, source, maxBytes, durability, logger } = options;
    const { maxQueueBytes = DEFAULT_QUEUE_BYTES, segmentBytes = DEFAULT_SEGMENT_BYTES } = options;
    const home = new SourceHome(folder, source);
    const common = { home, isFull: () => this.isFull, segmentBytes, durability, logger };
    this.#home = home;
    this.#maxBytes = maxBytes;
    this.#lanes = {
      keep: new LaneSpool({ ...common, lane: 'keep', maxQueueBytes: maxQueueBytes * KEEP_SHARE }),
      rest: new LaneSpool({ ...common, lane: 'rest', maxQueueBytes }),
    };
    this.#all = LANES.map((lane) => this.#lanes[lane]);
  }

  /** What is spooled in a lane. */
  lane(lane: Lane): LaneSpool {
    return this.#lanes[lane];
  }

  accept(batch: EventBatch): number {
    return this.#lanes[batch.lane].accept(batch);
  }

  /**
   * Writes what is queued and ends the open segments.
   * @returns whether all that was accepted before the call is on the disk; false when the disk refuses
   */
  async seal(): Promise<boolean> {
    const done = await Promise.all(this.#all.map((lane) => lane.seal()));
    return done.every(Boolean);
  }

  /** Tells how much of the spool's bytes belong to other sources. */
  setOtherBytes(bytes: number): void {
    this.#otherBytes = bytes;
  }

  /** Shows other processes that this one lives. */
  touch(): Promise<void> {
    return this.#home.touch();
  }

  /** Takes nothing more. What is queued can still be sealed. */
  close(): void {
    for (const lane of this.#all) lane.close();
  }

  /** Stops trying again; what is queued stays in memory for `appendSync`. */
  stopRetrying(): void {
    for (const lane of this.#all) lane.stopRetrying();
  }

  /** Writes all that is queued, synchronously, for the moment before the process ends; a next process drains it. Never throws. */
  appendSync(): void {
    for (const lane of this.#all) lane.appendSync();
  }

  /** Cumulative drops of this spool, by reason. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    const dropped: Partial<Record<DropReason, number>> = {};
    for (const lane of this.#all) {
      for (const [reason, events] of Object.entries(lane.dropped) as [DropReason, number][]) {
        dropped[reason] = (dropped[reason] ?? 0) + events;
      }
    }
    return dropped;
  }

  /** Bytes on the disk and in the queues, of this source. */
  get bytes(): number {
    return this.#all.reduce((sum, lane) => sum + lane.bytes, 0);
  }

  /** Events that were accepted and are not acknowledged. */
  get events(): number {
    return this.#all.reduce((sum, lane) => sum + lane.events, 0);
  }

  /** End of the oldest event that is not acknowledged; undefined when there is none. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.#all.map((lane) => lane.oldestMs ?? Infinity));
    return oldest === Infinity ? undefined : oldest;
  }

  /** All that was recorded before, in every lane, is accepted, or counted; -Infinity while nothing is known. */
  get lowWatermarkMs(): number {
    const used = this.#all.filter((lane) => lane.isUsed);
    return used.length === 0 ? -Infinity : Math.min(...used.map((lane) => lane.lowWatermarkMs));
  }

  /** Why the disk refuses; undefined while it does not. */
  get failure(): string | undefined {
    return this.#all.find((lane) => lane.failure !== undefined)?.failure;
  }

  /** Events are dropped because the spool is full. */
  get isFull(): boolean {
    return this.bytes + this.#otherBytes >= this.#maxBytes;
  }

  /** Counts have changed since the last block that was queued or written. */
  get hasUntoldCounts(): boolean {
    return this.#all.some((lane) => lane.hasUntoldCounts);
  }
}
