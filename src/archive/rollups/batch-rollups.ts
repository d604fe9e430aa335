// What the rows of a batch add to the rollups: added up here, and sent with the rows in their transaction.
import type { Statement } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { bucketOf, toMicroseconds } from '../../duration-buckets.ts';
import { COPY_HEADER, COPY_TRAILER } from '../segments/copy-tuples.ts';
import type { RowSeries } from '../segments/row-series.ts';
import { Delta, minuteOf } from './delta.ts';
import { HistogramCells } from './histogram-cells.ts';
import { RowFields } from './row-fields.ts';
import type { KnownSeries, RollupSeries, SeriesStatus } from './series.ts';

const insertSeries = loadSql('archive/insert-series');
const copyDeltas = loadSql('archive/copy-deltas');

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
  readonly #deltas: Delta[] = [];
  readonly #cells = new HistogramCells();
  /** Most have no other minute in a batch. */
  readonly #first = new Map<SeriesStatus, Delta>();
  readonly #others = new Map<SeriesStatus, Map<number, Delta>>();
  /** What the last row of each entry of a block went to. */
  readonly #ofEntries = new Map<RowSeries, (Delta | undefined)[]>();
  #stored: readonly RollupSeries[] = [];

  /** @param columns of the rows */
  constructor(columns: readonly string[], known: KnownSeries) {
    this.#fields = new RowFields(columns);
    this.#namingFields = new RowFields(columns);
    this.#known = known;
  }

  /** Adds rows that go to observability_metrics. */
  add({ frames, row, named }: RollupRun): void {
    const fields = this.#fields;
    const known = named === undefined ? [] : this.#knownOf(named.rowSeries);
    let index = row - 1;
    fields.open(frames);
    for (let at = 0; at < frames.length; index++) {
      const rowAt = at;
      at = fields.skim(rowAt);
      if (at === -1) return;
      if (!fields.isWhole) continue;
      const minute = minuteOf(fields.endUs);
      const entry = named === undefined ? -1 : named.rowSeries.entryOf(index);
      let delta = known[entry];
      if (delta?.minute !== minute) {
        delta = this.#deltaOf(delta?.of ?? this.#seriesOf(named, entry, rowAt), minute);
        if (entry !== -1) known[entry] = delta;
      }
      const us = toMicroseconds(fields.durationMs);
      const { weight } = fields;
      delta.add(us, weight);
      this.#cells.note(delta.index, bucketOf(us), weight);
    }
  }

  /** Statements of the transaction, to come behind its rows; none without rows. */
  statements(): Statement[] {
    if (this.#deltas.length === 0) return [];
    this.#stored = this.#known.missing(new Set(this.#deltas.map(({ of }) => of.series)));
    const insert = this.#stored.length === 0 ? [] : [{ sql: insertSeries, values: seriesArrays(this.#stored) }];
    return [...insert, { sql: copyDeltas, values: {}, chunks: [COPY_HEADER, this.#encode(), COPY_TRAILER] }];
  }

  /** The transaction is committed. */
  noteCommit(): void {
    this.#known.noteStored(this.#stored);
  }

  #encode(): Buffer {
    const histograms = this.#cells.add(this.#deltas.length);
    const { ends } = histograms;
    const room = (delta: Delta) => delta.maxBytes((ends[delta.index] ?? 0) - (ends[delta.index - 1] ?? 0));
    const bytes = Buffer.allocUnsafeSlow(this.#deltas.reduce((sum, delta) => sum + room(delta), 0));
    const view = new DataView(bytes.buffer);
    let end = 0;
    for (const delta of this.#deltas) end = delta.write(bytes, view, end, histograms);
    return bytes.subarray(0, end);
  }

  #knownOf(rowSeries: RowSeries): (Delta | undefined)[] {
    let known = this.#ofEntries.get(rowSeries);
    if (known === undefined) {
      known = new Array<undefined>(rowSeries.count).fill(undefined);
      this.#ofEntries.set(rowSeries, known);
    }
    return known;
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

  #deltaOf(of: SeriesStatus, minute: number): Delta {
    const first = this.#first.get(of);
    if (first === undefined) {
      const delta = this.#createDelta(of, minute);
      this.#first.set(of, delta);
      return delta;
    }
    return first.minute === minute ? first : this.#otherDeltaOf(of, minute);
  }

  #otherDeltaOf(of: SeriesStatus, minute: number): Delta {
    let minutes = this.#others.get(of);
    if (minutes === undefined) {
      minutes = new Map();
      this.#others.set(of, minutes);
    }
    let delta = minutes.get(minute);
    if (delta === undefined) {
      delta = this.#createDelta(of, minute);
      minutes.set(minute, delta);
    }
    return delta;
  }

  #createDelta(of: SeriesStatus, minute: number): Delta {
    const delta = new Delta(of, minute, this.#deltas.length);
    this.#deltas.push(delta);
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
