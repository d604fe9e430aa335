// The accounting law by series, on its way from the ring to the ledger: what a lane of a source has counted of each series. Counts go the
// way of the events: noted as they are accepted, carried by the block that comes next, told in the last blocks of a segment, taken over by
// Postgres with them. Told counts are cumulative, so that one that is lost or comes twice does no harm.
import type { CountedSeries } from '../../event.ts';

/** What is known of one series of a source and lane, cumulative. */
export interface SeriesCount {
  readonly type: string;
  /** Its first 500 characters. */
  readonly name: string;
  readonly recorded: number;
  /** Those of them that were dropped before they came into a block. */
  readonly dropped: number;
}

/** What a block adds to the counts of one series. */
export interface SeriesDelta {
  readonly entry: SeriesEntry;
  readonly recorded: number;
  readonly dropped: number;
}

/** How many events of each series a tracker had dropped. */
export type SeriesDrops = ReadonlyMap<CountedSeries, number>;

interface SeriesEntry {
  readonly type: string;
  readonly name: string;
  recorded: number;
  dropped: number;
  /** Noted, and not yet carried by a block. */
  newRecorded: number;
  newDropped: number;
  /** What was told of `recorded`, with which `dropped` grows too. */
  toldRecorded: number;
}

/** So that a name fits in an index of Postgres. The tracker's own bound is 200. */
const MAX_NAME = 500;
/** To tell the counts of a thousand series costs Postgres as much as to take in a thousand events. */
const TELL_EVERY_MS = 10_000;

/** Of one lane of a source. Bounded by the series that a tracker tells apart. */
export class SeriesCounts {
  readonly #entries = new Map<string, SeriesEntry>();
  /** Series that differ in their labels only are one here. */
  readonly #bySeries = new Map<CountedSeries, SeriesEntry>();
  readonly #givenDrops: Map<CountedSeries, number>;
  #noted: SeriesEntry[] = [];
  #isWanted = false;
  #toldMs = -Infinity;

  /** @param givenDrops those of the tracker that an earlier source of the process has counted */
  constructor(givenDrops: SeriesDrops = new Map()) {
    this.#givenDrops = new Map(givenDrops);
  }

  /** Drops of the tracker that were noted so far: where the next source of the process begins. */
  get givenDrops(): SeriesDrops {
    return this.#givenDrops;
  }

  /** Notes an event that comes into the next block. */
  note(series: CountedSeries): void {
    this.#entryOf(series).newRecorded++;
  }

  /** Notes an event that was accepted and goes nowhere. */
  noteDropped(series: CountedSeries): void {
    const entry = this.#entryOf(series);
    entry.newRecorded++;
    entry.newDropped++;
  }

  /** Notes what a tracker has dropped, `events` in all. */
  noteGivenDrops(series: CountedSeries, events: number): void {
    const more = events - (this.#givenDrops.get(series) ?? 0);
    if (more <= 0) return;
    this.#givenDrops.set(series, events);
    const entry = this.#entryOf(series);
    entry.newRecorded += more;
    entry.newDropped += more;
  }

  /** What was noted since the last call: for the block that is made now. */
  takeNoted(): readonly SeriesDelta[] {
    const deltas = this.#noted.map((entry) => ({ entry, recorded: entry.newRecorded, dropped: entry.newDropped }));
    for (const entry of this.#noted) {
      entry.newRecorded = 0;
      entry.newDropped = 0;
    }
    this.#noted = [];
    return deltas;
  }

  /** A block is written: from now on what it carries is told. */
  add(deltas: readonly SeriesDelta[]): void {
    for (const { entry, recorded, dropped } of deltas) {
      entry.recorded += recorded;
      entry.dropped += dropped;
    }
  }

  /** They are to be told with the next segment that is sealed, whenever that was done last. */
  want(): void {
    this.#isWanted = true;
  }

  /** They are to be told, and have changed. */
  get isWanted(): boolean {
    return this.#isWanted && this.hasUntold;
  }

  /**
   * What a segment tells that is sealed now: nothing when the last one has done so a moment ago, and nobody wants it.
   * @param isAll all that was noted is in this segment or an earlier one
   */
  toTell(isAll: boolean): SeriesCount[] {
    const nowMs = performance.now();
    if (!this.#isWanted && nowMs < this.#toldMs + TELL_EVERY_MS) return [];
    if (isAll) this.#isWanted = false;
    this.#toldMs = nowMs;
    return this.untold();
  }

  /** The series whose counts have grown since they were told. */
  untold(): SeriesCount[] {
    const grown = [...this.#entries.values()].filter((entry) => entry.recorded > entry.toldRecorded);
    return grown.map(({ type, name, recorded, dropped }) => ({ type, name, recorded, dropped }));
  }

  get hasUntold(): boolean {
    for (const { recorded, newRecorded, toldRecorded } of this.#entries.values()) {
      if (recorded + newRecorded > toldRecorded) return true;
    }
    return false;
  }

  /** These are on the disk. */
  noteTold(counts: readonly SeriesCount[]): void {
    for (const { type, name, recorded } of counts) {
      const entry = this.#entries.get(seriesKey(type, name));
      if (entry !== undefined) entry.toldRecorded = recorded;
    }
  }

  /** What was told may be lost: all is told again. */
  retell(): void {
    for (const entry of this.#entries.values()) entry.toldRecorded = 0;
  }

  #entryOf(series: CountedSeries): SeriesEntry {
    const entry = this.#bySeries.get(series) ?? this.#find(series);
    if (entry.newRecorded === 0) this.#noted.push(entry);
    return entry;
  }

  #find(series: CountedSeries): SeriesEntry {
    const { type } = series;
    const name = seriesName(series.name);
    const key = seriesKey(type, name);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { type, name, recorded: 0, dropped: 0, newRecorded: 0, newDropped: 0, toldRecorded: 0 };
      this.#entries.set(key, entry);
    }
    this.#bySeries.set(series, entry);
    return entry;
  }
}

/** A name as it stands in the ledger of series: bounded, and text that Postgres takes. */
export function seriesName(name: string): string {
  const text = name.slice(0, MAX_NAME).replaceAll('\0', '\ufffd');
  return Buffer.from(text).toString(); // without lone surrogates
}

/** For maps: a type holds no line break. */
export function seriesKey(type: string, name: string): string {
  return `${type}\n${name}`;
}
