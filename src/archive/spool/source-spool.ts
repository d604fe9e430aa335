// What waits on the disk, and for the disk, of one source: lanes that share a folder. A process has one that takes its events, and
// now and then earlier ones that were ended and are not drained yet.
import { join } from 'node:path';
import { type DropReason, type EventSink, LANES, type LaneBatch, SPOOL_LANES, type SpoolLane } from '../../event.ts';
import type { LogSink } from '../../log.ts';
import type { Logger } from '../../logger.ts';
import type { LanePosition } from './lane-account.ts';
import { LaneSpool } from './lane-spool.ts';
import { formatSourceId, type Source } from './source.ts';
import { type HomeClock, SourceHome } from './source-home.ts';

export interface SourceSpoolOptions {
  /** The source's own folder is made in it when the first block is written. */
  readonly spoolDir: string;
  readonly source: Source;
  /** Where the source before it ended; undefined for the first of a process. */
  readonly from: Readonly<Record<SpoolLane, LanePosition>> | undefined;
  /** Asked before each block: events are dropped while the spool is full. */
  readonly isFull: (lane: SpoolLane) => boolean;
  /** Bytes at most that may wait in memory, asked before each block. */
  readonly queueLimit: (lane: SpoolLane) => number;
  /** A segment is sealed when it is longer. */
  readonly segmentBytes: number;
  /** `disk`: every write is synced before the next one. */
  readonly durability: 'process' | 'disk';
  /** Called when others may have taken the source for dead: it is to be ended. */
  readonly onLapse: () => void;
  /** Default: those of the system. */
  readonly clock?: HomeClock | undefined;
  readonly logger: Logger;
}

export class SourceSpool implements EventSink, LogSink {
  readonly source: Source;
  /** The source's own folder. */
  readonly folder: string;
  readonly #home: SourceHome;
  readonly #lanes: Readonly<Record<SpoolLane, LaneSpool>>;
  readonly #all: readonly LaneSpool[];
  #isFresh = true;

  constructor(options: SourceSpoolOptions) {
    const { spoolDir, source, from, isFull, queueLimit, segmentBytes, durability, onLapse, clock, logger } = options;
    this.source = source;
    this.folder = join(spoolDir, formatSourceId(source.sourceId));
    this.#home = new SourceHome(this.folder, source, clock);
    const createLane = (lane: SpoolLane) =>
      new LaneSpool({
        lane,
        home: this.#home,
        from: from?.[lane],
        isFull: () => isFull(lane),
        queueLimit: () => queueLimit(lane),
        segmentBytes,
        durability,
        onLapse,
        logger,
      });
    this.#lanes = { keep: createLane('keep'), rest: createLane('rest'), logs: createLane('logs') };
    this.#all = SPOOL_LANES.map((lane) => this.#lanes[lane]);
  }

  /** What is spooled in a lane. */
  lane(lane: SpoolLane): LaneSpool {
    return this.#lanes[lane];
  }

  accept(batch: LaneBatch): number {
    this.#isFresh = false;
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

  /** The next segments that are sealed tell the counts of all series that have changed. */
  tellSeries(): void {
    for (const lane of this.#all) lane.tellSeries();
  }

  /** Shows other processes that this one lives. */
  touch(): Promise<void> {
    return this.#home.touch();
  }

  /** Takes nothing more. What is queued can still be sealed. */
  close(): void {
    for (const lane of this.#all) lane.close();
  }

  /** Takes nothing more, and seals what it holds; the open segments first, since they may be files that somebody has removed. */
  async end(): Promise<void> {
    await Promise.all(this.#all.map((lane) => lane.end()));
  }

  /** Stops trying again; what is queued stays in memory for `appendSync`. */
  stopRetrying(): void {
    for (const lane of this.#all) lane.stopRetrying();
  }

  /** Writes all that is queued, synchronously, for the moment before the process ends; a next process drains it. Never throws. */
  appendSync(): void {
    for (const lane of this.#all) lane.appendSync();
  }

  /** Nothing was accepted yet, not even an empty batch. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** Others may have taken its owner for dead: it is to be ended. */
  get hasLapsed(): boolean {
    return this.#home.hasLapsed;
  }

  /** How far each lane has come: where the next source of this process begins. */
  get position(): Readonly<Record<SpoolLane, LanePosition>> {
    const { keep, rest, logs } = this.#lanes;
    return { keep: keep.position, rest: rest.position, logs: logs.position };
  }

  /** Cumulative drops of events, by reason. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    const dropped: Partial<Record<DropReason, number>> = {};
    for (const lane of this.#ofEvents) addDrops(dropped, lane.dropped);
    return dropped;
  }

  get #ofEvents(): readonly LaneSpool[] {
    return LANES.map((lane) => this.#lanes[lane]);
  }

  /** Bytes on the disk and in the queues. */
  get bytes(): number {
    return this.#all.reduce((sum, lane) => sum + lane.bytes, 0);
  }

  /** Events that were accepted and are not acknowledged. */
  get events(): number {
    return this.#ofEvents.reduce((sum, lane) => sum + lane.events, 0);
  }

  /** Events and log lines, likewise. */
  get rows(): number {
    return this.events + this.#lanes.logs.events;
  }

  /** End of the oldest event that is not acknowledged; undefined when there is none. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.#ofEvents.map((lane) => lane.oldestMs ?? Infinity));
    return oldest === Infinity ? undefined : oldest;
  }

  /** All events that were recorded before, in every lane of theirs, are accepted, or counted; -Infinity while nothing is known. */
  get lowWatermarkMs(): number {
    const used = this.#ofEvents.filter((lane) => lane.isUsed);
    return used.length === 0 ? -Infinity : Math.min(...used.map((lane) => lane.lowWatermarkMs));
  }

  /** Why the disk refuses; undefined while it does not. */
  get failure(): string | undefined {
    return this.#all.find((lane) => lane.failure !== undefined)?.failure;
  }

  /** Counts have changed since the last block that was queued or written. */
  get hasUntoldCounts(): boolean {
    return this.#all.some((lane) => lane.hasUntoldCounts);
  }
}

/** Adds the drops of one to the sum of others. */
export function addDrops(sum: Partial<Record<DropReason, number>>, dropped: Readonly<Partial<Record<DropReason, number>>>): void {
  for (const [reason, events] of Object.entries(dropped) as [DropReason, number][]) {
    sum[reason] = (sum[reason] ?? 0) + events;
  }
}
