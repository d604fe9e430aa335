// What a lane of a source counts: events by their fate, drops by reason and by series, and how far time has come. From where the source before it
// ended: the tracker counts on, each source begins at zero.
import type { DropReason, EventCounts, LaneBatch } from '../../event.ts';
import { SeriesCounts, type SeriesDelta, type SeriesDrops } from '../segments/series-counts.ts';

/** How far a lane of a source has come: where the next source of the process begins. */
export interface LanePosition {
  /** What the tracker had counted with the last event that was accepted. */
  readonly given: EventCounts;
  /** What it had dropped, by series. */
  readonly givenDrops: SeriesDrops;
  readonly lowWatermarkMs: number;
  readonly isUsed: boolean;
}

/** What a block says beside its rows. */
export interface Tail {
  readonly counts: EventCounts;
  readonly lowWatermarkMs: number;
  /** What its counts add to those of each series. */
  readonly series: readonly SeriesDelta[];
}

const NO_COUNTS: EventCounts = { recorded: 0, sampledOut: 0, dropped: {} };
const START: LanePosition = { given: NO_COUNTS, givenDrops: new Map(), lowWatermarkMs: -Infinity, isUsed: false };

export class LaneAccount {
  readonly series: SeriesCounts;
  readonly #from: LanePosition;
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  /** After the last event that was accepted, whether or not a block has told it yet. */
  #counts: EventCounts = NO_COUNTS;
  #given: EventCounts;
  #lowWatermarkMs: number;
  #isUsed: boolean;

  /** @param from where the source before it ended; undefined for the first of a process */
  constructor(from: LanePosition = START) {
    this.#from = from;
    this.#given = from.given;
    this.#lowWatermarkMs = from.lowWatermarkMs;
    this.#isUsed = from.isUsed;
    this.series = new SeriesCounts(from.givenDrops);
  }

  /** A batch is offered: what was dropped before it is noted by series. */
  open(batch: LaneBatch): void {
    this.#isUsed = true;
    if (sumOf(batch.counts.dropped) === sumOf(this.#given.dropped)) return;
    batch.eachDropped((series, events) => this.series.noteGivenDrops(series, events));
  }

  /** Its first `taken` events were accepted, or counted as dropped; what it tells of the rest will be told again. */
  close(batch: LaneBatch, taken: number): void {
    this.#counts = this.#countsAfter(batch, taken);
    const { recorded, sampledOut, dropped } = batch.counts;
    this.#given = { recorded: recorded - (batch.size - taken), sampledOut, dropped: { ...dropped } };
    this.#lowWatermarkMs = this.#watermarkAfter(batch, taken);
  }

  drop(reason: DropReason, events: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + events;
  }

  /** Which of them the encoder could not read it does not say: that is known of the lane alone. */
  noteSeries(batch: LaneBatch, from: number, until: number, fate: 'spooled' | 'dropped' = 'spooled'): void {
    for (let index = from; index < until; index++) {
      try {
        const series = batch.series(index);
        if (fate === 'dropped') this.series.noteDropped(series);
        else this.series.note(series);
      } catch {
        // Not even that can be read.
      }
    }
  }

  /** What the block says that ends before event `taken` of the batch. */
  takeTailAfter(batch: LaneBatch, taken: number): Tail {
    const counts = this.#countsAfter(batch, taken);
    return { counts, lowWatermarkMs: this.#watermarkAfter(batch, taken), series: this.series.takeNoted() };
  }

  /** What a block of this moment says. */
  takeTail(): Tail {
    return { counts: this.#counts, lowWatermarkMs: this.#lowWatermarkMs, series: this.series.takeNoted() };
  }

  /** Counts have changed since a block told these. */
  hasChangedSince(told: EventCounts = NO_COUNTS): boolean {
    return JSON.stringify(this.#counts) !== JSON.stringify(told);
  }

  /** Cumulative drops of the spool, by reason. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    return this.#dropped;
  }

  /** All that was recorded before is accepted, or counted; -Infinity while nothing is known. */
  get lowWatermarkMs(): number {
    return this.#lowWatermarkMs;
  }

  /** It, or the source before it, was offered a batch, be it an empty one. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** How far it has come. */
  get position(): LanePosition {
    const { givenDrops } = this.series;
    return { given: this.#given, givenDrops, lowWatermarkMs: this.#lowWatermarkMs, isUsed: this.#isUsed };
  }

  #watermarkAfter(batch: LaneBatch, taken: number): number {
    return taken === batch.size && batch.lowWatermarkMs > this.#lowWatermarkMs ? batch.lowWatermarkMs : this.#lowWatermarkMs;
  }

  /** The counts since the source began, as they were after the batch's first `taken` events, with the drops of the spool. */
  #countsAfter(batch: LaneBatch, taken: number): EventCounts {
    const { given } = this.#from;
    const recorded = batch.counts.recorded - (batch.size - taken) - given.recorded;
    const dropped: Partial<Record<DropReason, number>> = { ...this.#dropped };
    for (const [reason, events] of Object.entries(batch.counts.dropped) as [DropReason, number][]) {
      const since = events - (given.dropped[reason] ?? 0);
      if (since > 0) dropped[reason] = (dropped[reason] ?? 0) + since;
    }
    return { recorded, sampledOut: batch.counts.sampledOut - given.sampledOut, dropped };
  }
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const reason in counts) sum += counts[reason] ?? 0;
  return sum;
}
