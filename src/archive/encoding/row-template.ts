// What the rows of one series share, as a tuple of binary COPY: encoded once, copied for each event, and patched where events differ.
import type { EventSeries, EventStatus } from '../../event.ts';
import { MAX_NAME_LENGTH, MAX_SERIES_METADATA_LENGTH } from '../../event-bounds.ts';
import { REPLACED_MARK, storableMembers, storableText, TRUNCATED_MARK } from '../../storable-text.ts';
import { canonicalLabels, halvesOf, seriesId } from '../rollups/series.ts';
import { COLUMNS } from '../segments/copy-tuples.ts';
import { type SharedMembers, sharedMembers } from './member-order.ts';

/** Where the values of the first columns stand in a row. */
export const ID_AT = 6;
export const START_AT = 26;
export const END_AT = 38;
export const DURATION_AT = 50;
export const TRACE_AT = 74;

const JSONB_VERSION = 1;
/** Where the members stand in a field of metadata: behind its length, the version and the opening brace. */
export const MEMBERS_AT = 6;

/** Ids that an event has, as `EventBatch.writeIds` says it: none, trace and span, or these and a parent. */
const HAS_SPAN = 1;
const HAS_PARENT = 2;
const PRESENCES = 4;

/**
 * A row of a series up to the members that all of its rows have in their metadata, without the closing brace. Its id, times, duration,
 * ids, the length of its metadata are zero, its weight is 1, its error is null.
 */
export interface RowTemplate {
  readonly bytes: Buffer;
  readonly weightAt: number;
  /** Zero where the row has none. */
  readonly spanAt: number;
  /** Zero where the row has none. */
  readonly parentAt: number;
  /** Where the length of the error stands. */
  readonly errorAt: number;
  /** The bytes behind the error: a view of `bytes`. */
  readonly metadata: Buffer;
  /** The metadata has members already: a next one wants a comma. */
  readonly hasMembers: boolean;
  /** Those members: a view of `bytes`. */
  readonly members: Buffer;
  /** How many of their bytes, from the first, are the labels of the metric; marks may follow. */
  readonly labelsLength: number;
  /** Place of the status in EVENT_STATUSES. */
  readonly status: number;
  /** The halves of the id that rollups have for the series. */
  readonly idHigh: number;
  readonly idLow: number;
  /** Undefined: an event's own members are not to go before them. */
  readonly shared: SharedMembers | undefined;
  /** Of `RowSeriesWriter`: the block in which a row of this template was noted last, and its entry there. */
  block: number;
  entry: number;
}

/** The templates of one series; each is made when it is first needed. */
export class SeriesRows {
  readonly #series: EventSeries;
  readonly #sourceId: bigint;
  readonly #templates: (RowTemplate | undefined)[] = new Array<undefined>(3 * PRESENCES).fill(undefined);

  constructor(series: EventSeries, sourceId: bigint) {
    this.#series = series;
    this.#sourceId = sourceId;
  }

  /**
   * @param present the ids that the row has, as `EventBatch.writeIds` returned it
   * @throws TypeError when the status is none
   */
  template(status: EventStatus, present: number): RowTemplate {
    const index = statusCode(status) * PRESENCES + (present & (HAS_SPAN | HAS_PARENT));
    const known = this.#templates[index];
    if (known !== undefined) return known;
    const made = createTemplate(this.#series, this.#sourceId, status, present);
    this.#templates[index] = made;
    return made;
  }
}

/** Its place in EVENT_STATUSES. */
function statusCode(status: EventStatus): number {
  if (status === 'success') return 0;
  if (status === 'failure') return 1;
  if (status === 'aborted') return 2;
  throw new TypeError(`status: got ${String(status)}`);
}

function createTemplate(series: EventSeries, sourceId: bigint, status: EventStatus, present: number): RowTemplate {
  const hasSpan = (present & HAS_SPAN) !== 0;
  const hasParent = hasSpan && (present & HAS_PARENT) !== 0;
  const { texts, members, labels } = storableSeries(series, status);
  const columns = Buffer.alloc(2);
  columns.writeInt16BE(COLUMNS.length);
  const source = Buffer.alloc(8);
  source.writeBigInt64BE(sourceId);
  const weight = Buffer.alloc(4);
  weight.writeInt32BE(1);
  const zeros = (length: number): Buffer => field(Buffer.alloc(length));
  const beforeWeight = [
    columns,
    zeros(16),
    zeros(8),
    zeros(8),
    zeros(8),
    field(source),
    field(hasSpan ? Buffer.alloc(16) : null),
  ];
  const beforeSpan = [...beforeWeight, field(weight), ...texts.map((text) => field(Buffer.from(text)))];
  const beforeError = [...beforeSpan, field(hasSpan ? Buffer.alloc(8) : null), field(hasParent ? Buffer.alloc(8) : null)];
  const metadata = Buffer.concat([Buffer.alloc(4), Buffer.from([JSONB_VERSION]), Buffer.from(`{${members}`)]);
  const bytes = Buffer.concat([...beforeError, field(null), metadata]);
  const [name = '', type = '', , service = ''] = texts;
  const [idHigh, idLow] = halvesOf(seriesId(service, type, name, canonicalLabels(labels)));
  const spanAt = lengthOf(beforeSpan) + 4;
  const errorAt = lengthOf(beforeError);
  return {
    bytes,
    weightAt: lengthOf(beforeWeight) + 4,
    spanAt: hasSpan ? spanAt : 0,
    parentAt: hasParent ? spanAt + 12 : 0,
    errorAt,
    metadata: bytes.subarray(errorAt + 4),
    hasMembers: members !== '',
    members: bytes.subarray(errorAt + 4 + MEMBERS_AT),
    labelsLength: Buffer.byteLength(labels),
    status: statusCode(status),
    idHigh,
    idLow,
    shared: sharedMembers(members),
    block: 0,
    entry: 0,
  };
}

/** Name, type, status and service, the labels, and the same with marks as members of the metadata: bounded, and as Postgres takes them. */
function storableSeries(series: EventSeries, status: EventStatus): { texts: string[]; labels: string; members: string } {
  const given = [series.name, series.type, status, series.service].map((text) => storableText(text, MAX_NAME_LENGTH));
  const metadata = storableMembers(series.metadata, MAX_SERIES_METADATA_LENGTH);
  const all = [...given, metadata];
  const members = [
    ...(metadata.text === '' ? [] : [metadata.text]),
    ...(all.some(({ isCut }) => isCut) ? [TRUNCATED_MARK] : []),
    ...(all.some(({ isReplaced }) => isReplaced) ? [REPLACED_MARK] : []),
  ];
  return { texts: given.map(({ text }) => text), labels: metadata.text, members: members.join() };
}

function field(value: Buffer | null): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value === null ? -1 : value.length);
  return value === null ? length : Buffer.concat([length, value]);
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
