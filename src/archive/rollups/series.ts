// Series as rollups know them: their ids, which everybody computes for himself, and which of them the database surely has.
import { createHash } from 'node:crypto';
import { EVENT_STATUSES } from '../../event.ts';
import { isStorableText } from '../../storable-text.ts';

/** A series whose rows are added up. */
export interface RollupSeries {
  /** 63 bits; in SQL keepwatch.series_id(). */
  readonly id: bigint;
  /** Its first 32 bits, signed; zero or above. */
  readonly idHigh: number;
  /** Its last 32 bits, signed. */
  readonly idLow: number;
  readonly service: string;
  readonly type: string;
  readonly name: string;
  /** The labels of its metric as a JSON object, names in order. */
  readonly labels: string;
  /** The database has it. */
  isStored: boolean;
}

/** A series, and how executions of it ended. */
export interface SeriesStatus {
  readonly series: RollupSeries;
  readonly status: string;
}

/** Texts of a row that name its series. */
export interface SeriesTexts {
  readonly service: string;
  readonly type: string;
  readonly name: string;
  readonly status: string;
  /** Members of a JSON object, without its braces. */
  readonly labels: string;
}

/** Of all processes together there may be more; what does not fit is looked up anew. */
const MAX_KNOWN = 20_000;
const TRUST_MS = 300_000;

/** The first 63 bits of SHA-256 of `[service, type, name, labels]` in JSON. @param labels as an object in JSON, names in order */
export function seriesId(service: string, type: string, name: string, labels: string): bigint {
  const canonical = `${JSON.stringify([service, type, name]).slice(0, -1)},${labels}]`;
  return createHash('sha256').update(canonical).digest().readBigUInt64BE(0) >> 1n;
}

/** The first 32 bits of an id, and its last ones, each as a signed integer. */
export function halvesOf(id: bigint): [high: number, low: number] {
  return [Number(id >> 32n), Number(BigInt.asIntN(32, id))];
}

/** Labels as an object in JSON, in the order of their names; `{}` for what is none, or what jsonb would refuse. */
export function canonicalLabels(members: string): string {
  if (members === '') return '{}';
  try {
    const entries = Object.entries(JSON.parse(`{${members}}`) as Record<string, unknown>);
    if (!entries.every(([name, value]) => isLabel(value) && isStorableText(`${name}${String(value)}`))) return '{}';
    return `{${entries
      .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      .join()}}`;
  } catch {
    return '{}';
  }
}

/** A flat value that jsonb takes and gives back the same. */
function isLabel(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || value === null || Number.isSafeInteger(value);
}

/**
 * The series that a process has met. That the database has one is believed for minutes, and until something went wrong: a server that was
 * restored, or a standby that took over, may have lost it.
 */
export class KnownSeries {
  readonly #statuses = new Map<string, SeriesStatus>();
  readonly #series = new Map<bigint, RollupSeries>();
  /** By the lower half of their ids, which is a key that maps are fast with; where two have the same one, the first. */
  readonly #byId = new Map<number, { readonly series: RollupSeries; readonly statuses: (SeriesStatus | undefined)[] }>();
  #trustedUntilMs = -Infinity;

  /** By the halves of its id and the place of the status in EVENT_STATUSES; undefined: it is to be found by its texts. */
  findById(idHigh: number, idLow: number, status: number): SeriesStatus | undefined {
    const known = this.#byId.get(idLow);
    return known?.series.idHigh === idHigh ? known.statuses[status] : undefined;
  }

  /** @param key the same for the same texts @param read asked for the texts of a key that is new */
  find(key: string, read: () => SeriesTexts): SeriesStatus {
    const known = this.#statuses.get(key);
    if (known !== undefined) return known;
    if (this.#statuses.size >= MAX_KNOWN) {
      this.#statuses.clear();
      this.#series.clear();
      this.#byId.clear();
    }
    const { service, type, name, status, labels: members } = read();
    const labels = canonicalLabels(members);
    const id = seriesId(service, type, name, labels);
    const [idHigh, idLow] = halvesOf(id);
    const series = this.#series.get(id) ?? { id, idHigh, idLow, service, type, name, labels, isStored: false };
    this.#series.set(id, series);
    const found = { series, status };
    this.#statuses.set(key, found);
    this.#noteId(found);
    return found;
  }

  #noteId(found: SeriesStatus): void {
    const { series, status } = found;
    const known = this.#byId.get(series.idLow) ?? { series, statuses: EVENT_STATUSES.map(() => undefined) };
    const place = (EVENT_STATUSES as readonly string[]).indexOf(status);
    if (known.series !== series || place < 0) return;
    known.statuses[place] ??= found;
    this.#byId.set(series.idLow, known);
  }

  /** Which of them the database may not have. */
  missing(series: Iterable<RollupSeries>): RollupSeries[] {
    const nowMs = performance.now();
    if (nowMs > this.#trustedUntilMs) {
      this.distrust();
      this.#trustedUntilMs = nowMs + TRUST_MS;
    }
    return [...series].filter(({ isStored }) => !isStored);
  }

  /** They are committed. */
  noteStored(series: readonly RollupSeries[]): void {
    for (const each of series) each.isStored = true;
  }

  /** Something went wrong: what the database has is not known any more. */
  distrust(): void {
    for (const series of this.#series.values()) series.isStored = false;
  }
}
