// What the rows of a batch add to the rollups: added up here, and sent with the rows in their transaction.
import type { Statement } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { toMicroseconds } from '../../duration-buckets.ts';
import { EVENT_STATUSES } from '../../event.ts';
import { COPY_HEADER, COPY_TRAILER } from '../segments/copy-tuples.ts';
import type { RowSeries } from '../segments/row-series.ts';
import { DeltaPlaces } from './delta-places.ts';
import { Deltas, minuteOf } from './deltas.ts';
import { RowFields } from './row-fields.ts';
import type { KnownSeries, RollupSeries, SeriesStatus } from './series.ts';

const insertSeries = loadSql('archive/insert-series');
const copyDeltas = loadSql('archive/copy-deltas');

const FIRST_ENTRIES = 256;

/** Neighbouring rows of a block. */
export interface RollupRun {
  /** Place of the first one in its block, counted from 1. */
  readonly row: number;
  readonly frames: Buffer;
  /** Of the whole block; undefined: labels are not known. */
  readonly named?: NamedRows | undefined;
}

/** All rows of a block, and what it says of their series. */
export interface NamedRows {
  readonly frames: Buffer;
  readonly rowSeries: RowSeries;
}

export class BatchRollups {
  readonly #fields: RowFields;
  /** For the rows that name a series, while others are gone through. */
  readonly #namingFields: RowFields;
  readonly #known: KnownSeries;
  readonly #deltas = new Deltas();
  /** Index of the first delta of each; most have no other minute in a batch. */
  readonly #first = new Map<SeriesStatus, number>();
  readonly #others = new Map<SeriesStatus, Map<number, number>>();
  readonly #places = new DeltaPlaces();
  /** For each entry of the block that is gone through, the delta that its last row went to; -1: none yet. */
  #ofEntries = new Int32Array(FIRST_ENTRIES);
  #entriesOf: RowSeries | undefined;
  #stored: readonly RollupSeries[] = [];
  #encoded: Buffer | undefined;

  /** @param columns of the rows */
  constructor(columns: readonly string[], known: KnownSeries) {
    this.#fields = new RowFields(columns);
    this.#namingFields = new RowFields(columns);
    this.#known = known;
  }

  /** Adds rows that go to observability_metrics. */
  add({ frames, row, named }: RollupRun): void {
    this.#encoded = undefined;
    const fields = this.#fields;
    const deltas = this.#deltas;
    const ofEntries = this.#deltasOf(named?.rowSeries);
    let index = row - 1;
    fields.open(frames);
    for (let at = 0; at < frames.length; index++) {
      const rowAt = at;
      at = fields.skim(rowAt);
      if (at === -1) return;
      if (!fields.isWhole) continue;
      const minute = minuteOf(fields.endUs);
      const entry = named === undefined ? -1 : named.rowSeries.entryOf(index);
      let delta = entry === -1 ? -1 : (ofEntries[entry] ?? -1);
      if (delta === -1 || deltas.minuteOf(delta) !== minute) {
        delta = this.#findDelta(named, entry, rowAt, minute, delta);
        if (entry !== -1) ofEntries[entry] = delta;
      }
      deltas.add(delta, toMicroseconds(fields.durationMs), fields.weight);
    }
  }

  /** Writes what was added so far, ahead of `statements`. */
  encode(): Buffer {
    this.#encoded ??= this.#deltas.encode();
    return this.#encoded;
  }

  /** Statements of the transaction, to come behind its rows; none without rows. */
  statements(): Statement[] {
    if (this.#deltas.of.length === 0) return [];
    this.#stored = this.#known.missing(new Set(this.#deltas.of.map(({ series }) => series)));
    const insert = this.#stored.length === 0 ? [] : [{ sql: insertSeries, values: seriesArrays(this.#stored) }];
    return [...insert, { sql: copyDeltas, values: {}, chunks: [COPY_HEADER, this.encode(), COPY_TRAILER] }];
  }

  /** The transaction is committed. */
  noteCommit(): void {
    this.#known.noteStored(this.#stored);
  }

  #deltasOf(rowSeries: RowSeries | undefined): Int32Array {
    if (rowSeries !== this.#entriesOf) {
      const entries = rowSeries?.count ?? 0;
      if (entries > this.#ofEntries.length) this.#ofEntries = new Int32Array(2 * entries);
      this.#ofEntries.fill(-1, 0, entries);
      this.#entriesOf = rowSeries;
    }
    return this.#ofEntries;
  }

  /** @param last of the same entry, of another minute; -1: none */
  #findDelta(named: NamedRows | undefined, entry: number, rowAt: number, minute: number, last: number): number {
    if (last !== -1) return this.#otherMinuteOf(last, minute);
    if (named === undefined || entry === -1) return this.#deltaOf(this.#seriesOf(named, entry, rowAt), minute);
    const { idHigh, idLow, status } = named.rowSeries.entry(entry);
    const first = this.#places.find(idHigh, idLow, status);
    if (first !== -1) return this.#otherMinuteOf(first, minute);
    const of = this.#seriesOf(named, entry, rowAt);
    const delta = this.#deltaOf(of, minute);
    const isTrue = of.series.idHigh === idHigh && of.series.idLow === idLow && of.status === EVENT_STATUSES[status];
    if (isTrue) this.#places.add(idHigh, idLow, status, delta);
    return delta;
  }

  /** The delta of the same series and status in a minute, which may be the same too. */
  #otherMinuteOf(delta: number, minute: number): number {
    const of = this.#deltas.of[delta];
    return of === undefined || this.#deltas.minuteOf(delta) === minute ? delta : this.#deltaOf(of, minute);
  }

  /** By what its block says of a row, else, or where that cannot be true, by its own texts, without labels. */
  #seriesOf(named: NamedRows | undefined, entry: number, rowAt: number): SeriesStatus {
    const found = named === undefined || entry === -1 ? undefined : this.#namedSeries(named, entry);
    if (found !== undefined) return found;
    const fields = this.#fields;
    fields.enter(rowAt);
    return this.#known.find(fields.key, () => textsOf(fields, ''));
  }

  #namedSeries({ frames, rowSeries }: NamedRows, index: number): SeriesStatus | undefined {
    const { idHigh, idLow, status, rowAt, labelsAt, labelsLength } = rowSeries.entry(index);
    const known = this.#known.findById(idHigh, idLow, status);
    if (known !== undefined) return known;
    const fields = this.#namingFields;
    fields.open(frames);
    if (fields.enter(rowAt) === -1 || !fields.isWhole) return undefined;
    const at = rowAt + labelsAt;
    const key = fields.key + frames.toString('latin1', at, at + labelsLength);
    return this.#known.find(key, () => textsOf(fields, frames.toString('utf8', at, at + labelsLength)));
  }

  #deltaOf(of: SeriesStatus, minute: number): number {
    const first = this.#first.get(of);
    if (first === undefined) {
      const delta = this.#deltas.create(of, minute);
      this.#first.set(of, delta);
      return delta;
    }
    return this.#deltas.minuteOf(first) === minute ? first : this.#otherDeltaOf(of, minute);
  }

  #otherDeltaOf(of: SeriesStatus, minute: number): number {
    let minutes = this.#others.get(of);
    if (minutes === undefined) {
      minutes = new Map();
      this.#others.set(of, minutes);
    }
    let delta = minutes.get(minute);
    if (delta === undefined) {
      delta = this.#deltas.create(of, minute);
      minutes.set(minute, delta);
    }
    return delta;
  }
}

function textsOf(fields: RowFields, labels: string) {
  const [service, type, name, status] = [fields.text('service'), fields.text('type'), fields.text('name'), fields.text('status')];
  return { service, type, name, status, labels };
}

/** As texts, which Postgres reads faster than arrays of expressions. */
function seriesArrays(series: readonly RollupSeries[]): Record<'ids' | 'services' | 'types' | 'names' | 'labels', string> {
  const quoted = (texts: readonly string[]) => `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join()}}`;
  return {
    ids: `{${series.map(({ id }) => id).join()}}`,
    services: quoted(series.map(({ service }) => service)),
    types: quoted(series.map(({ type }) => type)),
    names: quoted(series.map(({ name }) => name)),
    labels: quoted(series.map(({ labels }) => labels)),
  };
}
