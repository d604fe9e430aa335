// What the rows of a batch add to the rollups: added up here, and sent with the rows in their transaction.
import type { Statement } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { toMicroseconds } from '../../duration-buckets.ts';
import { COPY_HEADER, COPY_TRAILER } from '../segments/copy-tuples.ts';
import type { RowSeries } from '../segments/row-series.ts';
import { Delta, minuteOf } from './delta.ts';
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

/** A series and status in a block, with the delta that its last row went to. */
interface Slot {
  readonly of: SeriesStatus;
  delta: Delta | undefined;
}

export class BatchRollups {
  readonly #fields: RowFields;
  /** For the rows that name a series, while others are gone through. */
  readonly #namingFields: RowFields;
  readonly #known: KnownSeries;
  readonly #deltas: Delta[] = [];
  readonly #byMinute = new Map<SeriesStatus, Map<number, Delta>>();
  readonly #slots = new Map<NamedRows, (Slot | undefined)[]>();
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
    const slots = named && this.#slotsOf(named);
    let index = row - 1;
    for (let at = 0; at < frames.length; index++) {
      const next = fields.enter(frames, at);
      if (next === -1) return;
      at = next;
      if (!fields.isWhole) continue;
      const slot = (named && slots && this.#namedSlot(named, slots, index)) ?? {
        of: this.#known.find(fields.key, () => textsOf(fields, '')),
        delta: undefined,
      };
      const minute = minuteOf(fields.endUs);
      if (slot.delta?.minute !== minute) slot.delta = this.#deltaOf(slot.of, minute);
      slot.delta.add(toMicroseconds(fields.durationMs), fields.weight);
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
    const bytes = Buffer.allocUnsafe(this.#deltas.reduce((sum, delta) => sum + delta.maxBytes, 0));
    let end = 0;
    for (const delta of this.#deltas) end = delta.write(bytes, end);
    return bytes.subarray(0, end);
  }

  /** Of the entries of a block, as far as they were needed. */
  #slotsOf(named: NamedRows): (Slot | undefined)[] {
    let slots = this.#slots.get(named);
    if (slots === undefined) {
      slots = named.rowSeries.entries.map(() => undefined);
      this.#slots.set(named, slots);
    }
    return slots;
  }

  /** By what the block says of the row; undefined when that is not true of it. */
  #namedSlot(named: NamedRows, slots: (Slot | undefined)[], index: number): Slot | undefined {
    const entry = named.rowSeries.entryOf(index);
    const slot = slots[entry] ?? this.#resolve(named, entry);
    slots[entry] = slot;
    return slot;
  }

  #resolve({ frames, rowSeries }: NamedRows, index: number): Slot | undefined {
    const entry = rowSeries.entries[index];
    if (entry === undefined) return undefined;
    const fields = this.#namingFields;
    if (fields.enter(frames, entry.rowAt) === -1 || !fields.isWhole) return undefined;
    const labelsAt = entry.rowAt + entry.labelsAt;
    const key = fields.key + frames.toString('latin1', labelsAt, labelsAt + entry.labelsLength);
    const read = () => textsOf(fields, frames.toString('utf8', labelsAt, labelsAt + entry.labelsLength));
    return { of: this.#known.find(key, read), delta: undefined };
  }

  #deltaOf(of: SeriesStatus, minute: number): Delta {
    let minutes = this.#byMinute.get(of);
    if (minutes === undefined) {
      minutes = new Map();
      this.#byMinute.set(of, minutes);
    }
    let delta = minutes.get(minute);
    if (delta === undefined) {
      delta = new Delta(of, minute);
      minutes.set(minute, delta);
      this.#deltas.push(delta);
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
